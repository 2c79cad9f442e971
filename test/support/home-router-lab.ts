/**
 * A host behind a home router whose firewall and NAT are nftables, with Debian's miniupnpd on it, and a host outside.
 *
 *   host 10.0.0.2, 2a00:1::2  --  10.0.0.1, router, 12.0.0.1  --  outside 12.0.0.2, 2a00:2::2
 *
 * miniupnpd maps no port to a reserved address, not to one for documentation either; none of these leaves its namespace.
 */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import { miniupnpdSettings } from './miniupnpd';
import { testProgram } from './network';
import { temporaryDirectory } from './paths';
import { killRunning, Program } from './processes';
import { findProgram, serverEnvironment } from './servers';

type Place = 'host' | 'router' | 'outside';
const PLACES: readonly Place[] = ['host', 'router', 'outside'];
export const ROUTER_OUTSIDE = '12.0.0.1';
export const HOST_IPV6 = '2a00:1::2';
/** Filled by miniupnpd. */
const CHAINS = ['mapped', 'mapped_in', 'mapped_out'];

const FIREWALL = `
  table inet filter {
    chain forward {
      type filter hook forward priority 0; policy drop;
      ct state established accept; iifname inside accept; meta l4proto ipv6-icmp accept; jump mapped;
    }
    chain in { type nat hook prerouting priority -100; jump mapped_in; }
    chain out { type nat hook postrouting priority 100; jump mapped_out; ip saddr 10.0.0.0/24 masquerade; }
    ${CHAINS.map((chain) => `chain ${chain} { }`).join('\n')}
  }`;

const settings = miniupnpdSettings({ outside: 'wan', table: 'filter', network: '10.0.0.0/24', ipv6: true });

export class HomeRouterLab {
  private readonly suffix = process.pid.toString(36);
  private readonly dir = temporaryDirectory();
  private daemon: Program | undefined;

  async start(): Promise<void> {
    for (const place of PLACES) {
      ip('netns', 'add', this.namespace(place));
      ip('-n', this.namespace(place), 'link', 'set', 'lo', 'up');
    }
    this.cable('host', 'inside', ['10.0.0.2/24', '2a00:1::2/64'], ['10.0.0.1/24', '2a00:1::1/64', 'fe80::1/64']);
    this.cable('outside', 'wan', ['12.0.0.2/24', '2a00:2::2/64'], ['12.0.0.1/24', '2a00:2::1/64']);
    ip('-n', this.namespace('host'), 'route', 'add', 'default', 'via', '10.0.0.1');
    ip('-n', this.namespace('host'), 'route', 'add', 'default', 'via', 'fe80::1', 'dev', 'cable');
    ip('-n', this.namespace('outside'), 'route', 'add', 'default', 'via', '2a00:2::1');
    for (const setting of ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']) {
      this.run('router', 'sysctl', '-qw', setting);
    }
    this.run('router', 'nft', FIREWALL);
    writeFileSync(join(this.dir, 'settings'), settings);
    await this.startDaemon();
  }

  /** As when the router is switched off and on: it has no mapping any more. */
  async restartRouter(): Promise<void> {
    await this.daemon!.kill();
    for (const chain of CHAINS) this.run('router', 'nft', `flush chain inet filter ${chain}`);
    await this.startDaemon();
  }

  /** Waits until its clock shows so many seconds. Before, a start cannot be told from its last one (RFC 6887, 8.5). */
  async routerIsOlderThan(seconds: number): Promise<void> {
    const ask = `
      const socket = require('node:dgram').createSocket('udp4').bind(0, () => setInterval(() => socket.send('\\0\\0', 5351, '10.0.0.1'), 100));
      socket.on('message', (answer) => answer.readUInt32BE(4) > ${seconds} && process.exit());`;
    await this.node('host', ['-e', ask]).finish();
  }

  /** test/e2e/programs/port-mapper.cjs */
  mapper(port: number, family: 4 | 6, protocols: string): Program {
    return this.node('host', [testProgram('port-mapper.cjs'), String(port), String(family), protocols]);
  }

  /** Sends `text` from outside again and again, each time from another port, until the program has it. */
  async arrives(at: Program, { address, port }: Endpoint, text: string): Promise<void> {
    const send = `
      setInterval(() => {
        const socket = require('node:dgram').createSocket('${address.includes(':') ? 'udp6' : 'udp4'}');
        socket.send('${text}', ${port}, '${address}', () => socket.close());
      }, 50);`;
    const sender = this.node('outside', ['-e', send]);
    await at.line((line) => line.includes(`"arrived":"${text}"`));
    await sender.kill();
  }

  /** What the router's rules let in. */
  letsIn(port: number): boolean {
    return new RegExp(`\\b${port}\\b`).test(this.run('router', 'nft', 'list ruleset'));
  }

  /** Resolves then. Who has ended waited only a moment for the router's answer; by itself a mapping lasts an hour. */
  async letsInNoMore(port: number): Promise<void> {
    while (this.letsIn(port)) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  async stop(): Promise<string[]> {
    await this.daemon?.kill();
    const left = await killRunning();
    for (const place of PLACES) ip('netns', 'delete', this.namespace(place));
    rmSync(this.dir, { recursive: true });
    return left;
  }

  private async startDaemon(): Promise<void> {
    const pidFile = join(this.dir, 'pid');
    rmSync(pidFile, { force: true });
    const options = ['-d', '-f', join(this.dir, 'settings'), '-P', pidFile];
    const command = ['netns', 'exec', this.namespace('router'), await findProgram('miniupnpd'), ...options];
    this.daemon = Program.command('ip', command, await serverEnvironment());
    await this.daemon.errorLine((line) => line.includes('Listening for NAT-PMP/PCP traffic'));
  }

  private cable(to: Place, name: string, there: readonly string[], atRouter: readonly string[]): void {
    const [namespace, router] = [this.namespace(to), this.namespace('router')];
    ip('link', 'add', 'cable', 'netns', namespace, 'type', 'veth', 'peer', 'name', name, 'netns', router);
    for (const [where, device, addresses] of [
      [namespace, 'cable', there],
      [router, name, atRouter],
    ] as const) {
      for (const address of addresses) {
        ip('-n', where, 'address', 'add', address, 'dev', device, ...(address.includes(':') ? ['nodad'] : []));
      }
      ip('-n', where, 'link', 'set', device, 'up');
    }
  }

  private node(at: Place, args: readonly string[]): Program {
    return Program.command('ip', ['netns', 'exec', this.namespace(at), process.execPath, ...args]);
  }

  private run(at: Place, command: string, ...args: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.namespace(at), command, ...args]).toString();
  }

  private namespace(of: Place): string {
    return `ntmh${of[0]}${this.suffix}`;
  }
}

/** As the mapper says it. */
export const mapped = (protocol: string, outside: Endpoint) => (line: string) =>
  line.includes(`"protocol":"${protocol}"`) && line.includes(`"outside":"${formatEndpoint(outside)}"`);

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
