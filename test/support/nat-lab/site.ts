/**
 * The hosts of one site and its gateways, each a namespace:
 *
 *   host1 --+                                            public places: the host is on the line itself
 *   host2 --+-- inside [gateway 1] outside -- inside [gateway 2] outside -- line
 *                    [gateway 1 of another home] --'
 *
 * The network of the hosts is 192.168.N.0/24 unless the place says otherwise, those between gateways 100.64.N.0/24
 * (RFC 6598). Hosts have .2 and up, gateways .1.
 */
import { existsSync } from 'node:fs';
import { hairpinRules, type Gateway } from './gateway';
import type { Internet, Line, LineOptions } from './internet';
import type { CableEnd, Lease, Namespaces } from './namespaces';
import type { Place } from './place';
import { Program } from '../processes';

/** Frames between hosts are no packets of the gateway's, also where the kernel can treat them so (br_netfilter). */
const BRIDGES = existsSync('/proc/sys/net/bridge') ? ['net.bridge.bridge-nf-call-iptables=0'] : [];

export class Site {
  private readonly programs: Program[] = [];
  private readonly hosts = new Set<number>();
  private readonly gateways = new Set<string>();
  private line: Line | undefined;

  /** `name` and `number` are of this site alone. */
  constructor(
    private readonly namespaces: Namespaces,
    private readonly internet: Internet,
    private readonly name: string,
    private readonly number: number,
    private readonly lineOptions: LineOptions = {},
  ) {}

  /** The namespace of the host at this place, which is made when it is first asked for. */
  hostAt(place: Place): string {
    const number = place.host ?? 1;
    const host = `${this.name}-host${number}`;
    if (this.hosts.has(number)) return host;
    this.namespaces.add(host, place.settings);
    const end: CableEnd = [host, 'cable'];
    this.namespaces.lease(end, this.plugIn(end, place));
    if (place.firewall) this.namespaces.nft(host, place.firewall);
    return host;
  }

  /** A host's cable is plugged in at this place. Returns what is leased to it there. */
  plugIn(end: CableEnd, place: Place): readonly Lease[] {
    const { host = 1, home = 1 } = place;
    this.hosts.add(host);
    if (!place.gateways) {
      this.line = this.internet.plugIn(end, place.families, this.optionsOf(place));
      return this.line.leases;
    }
    const network = this.privateNetwork(place);
    const gateway = this.gateway(1, home);
    this.addGateway(1, home, place);
    this.namespaces.cable(end, [gateway, `host${host}`]);
    this.bridge(gateway, host, place);
    return [{ address: `${network}.${host + 1}/24`, router: `${network}.1` }];
  }

  /** Of the outermost gateway, or of the host. */
  get outside(): Record<4 | 6, string> {
    return this.outsideLine.addresses;
  }

  /** Whatever comes or goes is lost from now on, or no longer, and nobody is told. */
  silence(silent: boolean): void {
    this.internet.silence(this.outsideLine, silent);
  }

  /** The innermost gateway starts again with nothing remembered, as another one perhaps. Its cables stay plugged in. */
  async reboot(place: Place, gateway: Gateway): Promise<void> {
    if (place.gateways?.length !== 1) throw new Error(`${place.name} has not one gateway, which could be rebooted`);
    await this.endPrograms();
    const [name, aside] = [this.gateway(1), `${this.name}-aside`];
    const cables = ['outside', ...[...this.hosts].map((host) => `host${host}`)];
    this.namespaces.add(aside);
    for (const cable of cables) this.namespaces.move(cable, name, aside);
    this.namespaces.remove(name);
    this.namespaces.add(name);
    for (const cable of cables) this.namespaces.move(cable, aside, name);
    this.namespaces.remove(aside);
    this.openGateway(name, this.privateNetwork(place), gateway);
    for (const host of this.hosts) this.bridge(name, host, place);
    this.internet.reconnect([name, 'outside'], this.outside[4]);
    this.startPrograms(name, gateway);
  }

  async endPrograms(): Promise<void> {
    for (const program of this.programs) program.terminate();
    await Promise.all(this.programs.splice(0).map(({ ended }) => ended));
  }

  private get outsideLine(): Line {
    if (!this.line) throw new Error(`nobody is at ${this.name} yet`);
    return this.line;
  }

  private optionsOf({ line }: Place): LineOptions {
    return { ...this.lineOptions, network: line };
  }

  /** Unless it is there: gateway `i`, counted from the host, and those beyond it. */
  private addGateway(i: number, home: number, place: Place): void {
    const { gateways = [] } = place;
    const gateway = gateways[i - 1]!;
    const name = this.gateway(i, home);
    if (this.gateways.has(name)) return;
    this.gateways.add(name);
    this.namespaces.add(name);
    this.openGateway(name, i === 1 ? this.privateNetwork(place) : this.betweenNetwork(i - 1), gateway);
    if (i === gateways.length) this.connect(name, place, gateway);
    else this.cascade(name, i, home, place);
    this.startPrograms(name, gateway);
  }

  private connect(name: string, place: Place, { hairpins }: Gateway): void {
    this.line = this.internet.connect([name, 'outside'], place.families, this.optionsOf(place));
    if (hairpins) this.namespaces.nft(name, hairpinRules(this.line.addresses[4]));
  }

  /** The gateway is behind the next one. */
  private cascade(name: string, i: number, home: number, place: Place): void {
    this.addGateway(i + 1, 1, place);
    const [next, network] = [this.gateway(i + 1), this.betweenNetwork(i)];
    this.namespaces.cable([name, 'outside'], [next, `host${home}`]);
    this.namespaces.ip(next, 'link', 'set', `host${home}`, 'master', 'inside');
    this.namespaces.address(name, 'outside', `${network}.${home + 1}/24`);
    this.namespaces.route(name, 'default', `${network}.1`);
  }

  /** Its rules and its inner interface, a bridge for the cables of its hosts. */
  private openGateway(name: string, network: string, { rules, settings = [] }: Gateway): void {
    this.namespaces.set(name, ['net.ipv4.ip_forward=1', ...BRIDGES, ...settings]);
    this.namespaces.ip(name, 'link', 'add', 'inside', 'type', 'bridge');
    this.namespaces.ip(name, 'link', 'set', 'inside', 'up');
    this.namespaces.address(name, 'inside', `${network}.1/24`);
    this.namespaces.nft(name, rules);
  }

  private startPrograms(name: string, { programs = [] }: Gateway): void {
    for (const command of programs) {
      const [program = '', ...args] = [...this.namespaces.commandAt(name), ...command];
      this.programs.push(Program.command(program, args));
    }
  }

  private bridge(gateway: string, host: number, { isolated }: Place): void {
    this.namespaces.ip(gateway, 'link', 'set', `host${host}`, 'master', 'inside', 'up');
    if (isolated) this.namespaces.ip(gateway, 'link', 'set', `host${host}`, 'type', 'bridge_slave', 'isolated', 'on');
  }

  private gateway(i: number, home = 1): string {
    return home === 1 ? `${this.name}-gateway${i}` : `${this.name}-home${home}`;
  }

  private privateNetwork({ network }: Place): string {
    return network ?? `192.168.${this.number}`;
  }

  private betweenNetwork(i: number): string {
    return `100.64.${this.number * 4 + i}`;
  }
}
