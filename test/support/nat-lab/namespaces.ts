/** Network namespaces joined by cables (veth pairs). All of them, and what runs in them, are removed by close(). */
import { execFileSync } from 'node:child_process';

/** One end of a cable: a namespace, and how the interface is called there. */
export type CableEnd = readonly [namespace: string, device: string];

/** What a host is told of the network that it is plugged into, of one IP version. */
export interface Lease {
  /** With the length of its prefix. */
  readonly address: string;
  readonly router: string;
}

/** A few milliseconds each: seconds together. */
const CARRIER_TRIES = 2_000;

export class Namespaces {
  private readonly names = new Set<string>();

  /** `prefix` tells them from those of other labs on this machine. */
  constructor(private readonly prefix: string) {}

  add(name: string, settings: readonly string[] = []): void {
    ip('netns', 'add', this.fullName(name));
    this.names.add(name);
    this.ip(name, 'link', 'set', 'lo', 'up');
    this.set(name, settings);
  }

  /** sysctl. */
  set(name: string, settings: readonly string[]): void {
    if (settings.length > 0) this.run(name, ['sysctl', '-qw', ...settings]);
  }

  cable([a, deviceA]: CableEnd, [b, deviceB]: CableEnd, mtu = 1_500): void {
    const peer = ['peer', 'name', deviceB, 'netns', this.fullName(b), 'mtu', `${mtu}`];
    ip('link', 'add', deviceA, 'netns', this.fullName(a), 'mtu', `${mtu}`, 'type', 'veth', ...peer);
    this.ip(a, 'link', 'set', deviceA, 'up');
    this.ip(b, 'link', 'set', deviceB, 'up');
  }

  /** `address` with the length of its prefix. */
  address(name: string, device: string, address: string): void {
    const flags = address.includes(':') ? ['nodad'] : [];
    this.ip(name, 'address', 'add', address, 'dev', device, ...flags);
  }

  route(name: string, to: string, via: string): void {
    this.ip(name, via.includes(':') ? '-6' : '-4', 'route', 'add', to, 'via', via);
  }

  lease([name, device]: CableEnd, leases: readonly Lease[]): void {
    for (const { address, router } of leases) {
      this.address(name, device, address);
      this.route(name, 'default', router);
    }
  }

  ip(name: string, ...args: string[]): void {
    ip('-n', this.fullName(name), ...args);
  }

  /** One after the other, without anything in between: each what `ip` is told, without the word. */
  batch(name: string, lines: readonly string[]): void {
    const args = ['-n', this.fullName(name), '-batch', '-'];
    execFileSync('ip', args, { stdio: ['pipe', 'ignore', 'pipe'], input: lines.join('\n') });
  }

  /** Returns when the kernel says that the interface has a carrier, which is soon after the other end has been set up. */
  awaitCarrier(name: string, device: string): void {
    for (let tries = 0; tries < CARRIER_TRIES; tries++) {
      const link = execFileSync('ip', ['-n', this.fullName(name), '-o', 'link', 'show', device], { encoding: 'utf8' });
      if (link.includes(' state UP ')) return;
    }
    throw new Error(`${device} of ${name} gets no carrier`);
  }

  nft(name: string, rules: string): void {
    this.run(name, ['nft', '-f', '-'], rules);
  }

  /** What runs a command there. */
  commandAt(name: string): string[] {
    return ['ip', 'netns', 'exec', this.fullName(name)];
  }

  fullName(name: string): string {
    return `${this.prefix}-${name}`;
  }

  remove(name: string): void {
    ip('netns', 'delete', this.fullName(name));
    this.names.delete(name);
  }

  /** Its other end stays where it is. */
  move(device: string, from: string, to: string): void {
    this.ip(from, 'link', 'set', device, 'netns', this.fullName(to));
  }

  /** Never throws: what cannot be removed is left, and said. */
  close(): string[] {
    const left: string[] = [];
    for (const name of [...this.names]) {
      try {
        this.remove(name);
      } catch (error) {
        left.push(`${this.fullName(name)}: ${String(error)}`);
      }
    }
    return left;
  }

  private run(name: string, command: readonly string[], input = ''): void {
    const [program = '', ...args] = [...this.commandAt(name), ...command];
    execFileSync(program, args, { stdio: ['pipe', 'ignore', 'pipe'], input });
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
