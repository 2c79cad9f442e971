/**
 * Two hosts (network namespaces) with a router between them, and a network of ours on it: `ntmobile up` runs on the
 * router, programs with the preload on the hosts.
 */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { passwordOf, type JoinLine } from './network';
import { projectRoot, temporaryDirectory } from './paths';
import { killRunning, Program } from './processes';
import { readTrace, traced, type TraceLine } from './trace-watch';

export type Host = 'alice' | 'bob';
export type Family = 4 | 6;
/** In the usual words: who gets in, and whether one external port serves all destinations. */
export type NatKind = 'symmetric' | 'port restricted' | 'full cone';

const NAT_RULES: Record<NatKind, string> = {
  symmetric: `
    chain out { type nat hook postrouting priority 100; oifname cable masquerade fully-random; }
    chain through { type filter hook forward priority 0; policy drop; ct state established accept; iifname inside accept; }`,
  'port restricted': `
    chain out { type nat hook postrouting priority 100; oifname cable masquerade; }
    chain through { type filter hook forward priority 0; policy drop; ct state established accept; iifname inside accept; }`,
  'full cone': `
    chain in { type nat hook prerouting priority -100; iifname cable meta l4proto udp dnat to 10.0.0.2; }
    chain out { type nat hook postrouting priority 100; oifname cable masquerade; }`,
};

const HOSTS: readonly Host[] = ['alice', 'bob'];
const NETWORKS = {
  alice: { 4: '192.0.2', 6: 'fd20:1:' },
  bob: { 4: '198.51.100', 6: 'fd20:2:' },
} as const;
const own = (host: Host, family: Family): string => `${NETWORKS[host][family]}${family === 4 ? '.' : ':'}1`;
const gateway = (host: Host, family: Family): string => `${NETWORKS[host][family]}${family === 4 ? '.' : ':'}2`;

export class RouterLab {
  private readonly suffix = process.pid.toString(36);
  private readonly dir = temporaryDirectory();
  private runs = 0;
  private up: Program | undefined;
  private join: JoinLine | undefined;

  private readonly nats = new Set<Host>();

  private namespace(of: Host | 'router' | `nat of ${Host}`): string {
    return `ntmr${of.startsWith('nat of ') ? `n${of[7]}` : of[0]}${this.suffix}`;
  }

  start(): void {
    for (const name of [...HOSTS, 'router'] as const) {
      ip('netns', 'add', this.namespace(name));
      ip('-n', this.namespace(name), 'link', 'set', 'lo', 'up');
    }
    const router = this.namespace('router');
    for (const setting of ['net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1']) {
      execFileSync('ip', ['netns', 'exec', router, 'sysctl', '-qw', setting]);
    }
    for (const host of HOSTS) {
      const namespace = this.namespace(host);
      ip('link', 'add', 'cable', 'netns', namespace, 'type', 'veth', 'peer', 'name', host, 'netns', router);
      for (const family of [4, 6] as const) {
        const [length, ...flags] = family === 4 ? ['24'] : ['64', 'nodad'];
        ip('-n', namespace, 'address', 'add', `${own(host, family)}/${length}`, 'dev', 'cable', ...flags);
        ip('-n', router, 'address', 'add', `${gateway(host, family)}/${length}`, 'dev', host, ...flags);
      }
      this.setMtu(host, 9_000);
      ip('-n', namespace, 'route', 'add', 'default', 'via', gateway(host, 4));
      ip('-n', namespace, '-6', 'route', 'add', 'default', 'via', gateway(host, 6));
    }
  }

  /** Both hosts are behind NATs, and a network is there that they reach by IPv4. */
  async startBehindNats(): Promise<void> {
    this.start();
    for (const host of HOSTS) this.insertNat(host);
    await this.startNetwork(4);
  }

  /**
   * Puts a NAT in front of a host, which has 10.0.0.2 from then on: a new port for each destination, and nobody in who
   * was not sent to from there (RFC 4787: address and port dependent mapping and filtering). IPv4 only.
   */
  insertNat(host: Host): void {
    const [inside, nat] = [this.namespace(host), this.namespace(`nat of ${host}`)];
    this.nats.add(host);
    ip('netns', 'add', nat);
    ip('-n', inside, 'link', 'set', 'cable', 'netns', nat);
    ip('-n', nat, 'address', 'add', `${own(host, 4)}/24`, 'dev', 'cable');
    ip('-n', nat, 'link', 'set', 'cable', 'up');
    ip('-n', nat, 'route', 'add', 'default', 'via', gateway(host, 4));
    ip('link', 'add', 'cable', 'netns', inside, 'type', 'veth', 'peer', 'name', 'inside', 'netns', nat);
    for (const [namespace, device, last] of [
      [inside, 'cable', 2],
      [nat, 'inside', 1],
    ] as const) {
      ip('-n', namespace, 'address', 'add', `10.0.0.${last}/24`, 'dev', device);
      ip('-n', namespace, 'link', 'set', device, 'up');
    }
    ip('-n', inside, 'route', 'add', 'default', 'via', '10.0.0.1');
    execFileSync('ip', ['netns', 'exec', nat, 'sysctl', '-qw', 'net.ipv4.ip_forward=1']);
    this.setNat(host, 'symmetric');
  }

  /** What the NAT in front of a host is like from now on. */
  setNat(host: Host, kind: NatKind): void {
    const rules = `table ip nat\ndelete table ip nat\ntable ip nat {${NAT_RULES[kind]}\n}`;
    const inNat = ['netns', 'exec', this.namespace(`nat of ${host}`)];
    execFileSync('ip', [...inNat, 'nft', '-f', '-'], { input: rules });
  }

  /** Of a host's cable: at both its ends, or only at the router's, so that the host does not know. */
  setMtu(host: Host, mtu: number, ends: 'both' | 'router' = 'both'): void {
    ip('-n', this.namespace('router'), 'link', 'set', host, 'mtu', String(mtu), 'up');
    if (ends === 'both') ip('-n', this.namespace(host), 'link', 'set', 'cable', 'mtu', String(mtu), 'up');
  }

  /** Of a host's end of its cable. `down` takes its routes away, too. */
  setCable(host: Host, state: 'up' | 'down'): void {
    const namespace = this.namespace(host);
    ip('-n', namespace, 'link', 'set', 'cable', state);
    if (state === 'up') ip('-n', namespace, 'route', 'add', 'default', 'via', gateway(host, 4));
  }

  /** What reaches the router's own port, of UDP or over TLS, is lost; `undefined`: nothing is any more. */
  loseDatagramsTo(port: number | undefined): void {
    const table = 'table inet losing';
    const chain = [
      'chain in {',
      'type filter hook input priority 0',
      `meta l4proto { tcp, udp } th dport ${port} drop`,
      '}',
    ];
    const rules = [table, `delete ${table}`, ...(port === undefined ? [] : [`${table} {`, ...chain, '}'])];
    execFileSync('ip', ['netns', 'exec', this.namespace('router'), 'nft', '-f', '-'], { input: rules.join('\n') });
  }

  /** No UDP passes to or from this host: the router loses it, or the host's own firewall refuses it (EPERM); or it passes. */
  setUdp(host: Host, state: 'lost' | 'refused' | 'passes'): void {
    const rules = (hooks: readonly string[], matches: string) =>
      hooks.map(
        (hook) => `chain ${hook} { type filter hook ${hook} priority -200; ${matches} meta l4proto udp drop; }`,
      );
    const places = [
      ['router', 'lost', [...rules(['prerouting'], `iifname ${host}`), ...rules(['postrouting'], `oifname ${host}`)]],
      [host, 'refused', [...rules(['input'], 'iifname cable'), ...rules(['output'], 'oifname cable')]],
    ] as const;
    for (const [at, when, chains] of places) {
      const table = `table inet no_udp_${host}`;
      const blocking = state === when ? [`${table} {`, ...chains, '}'] : [];
      const input = [table, `delete ${table}`, ...blocking].join('\n');
      execFileSync('ip', ['netns', 'exec', this.namespace(at), 'nft', '-f', '-'], { input });
    }
  }

  /** Another address on a host's cable: its network has changed. */
  addAddress(host: Host): void {
    ip('-n', this.namespace(host), 'address', 'add', `${NETWORKS[host][4]}.77/24`, 'dev', 'cable');
  }

  /** What goes to this host queues at the router: so many megabits a second, and milliseconds of it at most. */
  narrow(host: Host, megabits: number, queueMs: number): void {
    const shape = ['tbf', 'rate', `${megabits}mbit`, 'burst', '32kb', 'latency', `${queueMs}ms`];
    execFileSync('tc', ['-n', this.namespace('router'), 'qdisc', 'replace', 'dev', host, 'root', ...shape]);
  }

  /** The congestion control of the kernel's own TCP. A host may only choose among what the machine allows. */
  useCongestionControl(host: Host, name: string): void {
    const allowed = 'net.ipv4.tcp_allowed_congestion_control';
    const before = execFileSync('sysctl', ['-n', allowed]).toString().trim();
    if (!before.split(' ').includes(name)) execFileSync('sysctl', ['-qw', `${allowed}=${before} ${name}`]);
    const setting = `net.ipv4.tcp_congestion_control=${name}`;
    execFileSync('ip', ['netns', 'exec', this.namespace(host), 'sysctl', '-qw', setting]);
  }

  /** The router tells nobody that a packet was too large. */
  loseErrors(): void {
    const rules = [
      'table inet silent {',
      '  chain out {',
      '    type filter hook output priority 0;',
      '    icmp type destination-unreachable drop',
      '    icmpv6 type packet-too-big drop',
      '  }',
      '}',
    ];
    const args = ['netns', 'exec', this.namespace('router'), 'nft', '-f', '-'];
    execFileSync('ip', args, { input: rules.join('\n') });
  }

  /** A network whose nodes know each other by addresses of this family alone. */
  async startNetwork(family: Family): Promise<void> {
    const accounts = HOSTS.flatMap((host) => ['--account', `${host}:${passwordOf(host)}`]);
    const args = ['up', '--dir', join(this.dir, `servers-${++this.runs}`), '--address', gateway('alice', family)];
    this.up = this.node('router', [join(projectRoot, 'dist/cli/main.js'), ...args, ...accounts, '--json'], {});
    this.join = JSON.parse(await this.up.line()) as JoinLine;
  }

  /** `node args` on a host, as the account of its name; `label`: as another node of it. */
  program(host: Host, args: readonly string[], label = '', env: NodeJS.ProcessEnv = {}): Program {
    return this.node(host, ['-r', 'ntmobile/register', ...args], {
      NTMOBILE_AS: this.join!.as,
      NTMOBILE_ACCOUNT: host,
      NTMOBILE_PASSWORD: passwordOf(host),
      NTMOBILE_STATE_DIR: join(this.dir, `state-${label}${host}-${this.runs}`),
      NTMOBILE_TRACE: this.traceFile(host, label),
      ...(label && { NTMOBILE_NODE: label }),
      ...env,
    });
  }

  get network(): JoinLine {
    return this.join!;
  }

  /** `ntmobile args` on a host, as the account of its name. */
  command(host: Host, args: readonly string[]): Program {
    return this.node(host, [join(projectRoot, 'dist/cli/main.js'), ...args], {
      ...{ NTMOBILE_AS: this.join!.as, NTMOBILE_ACCOUNT: host, NTMOBILE_PASSWORD: passwordOf(host) },
      NTMOBILE_STATE_DIR: join(this.dir, `state-${host}-${this.runs}`),
    });
  }

  /** `node args` on a host, without us. */
  plain(host: Host, args: readonly string[]): Program {
    return this.node(host, args, {});
  }

  address(host: Host, family: Family): string {
    return own(host, family);
  }

  fqdn(host: Host): string {
    return this.join!.accounts.find(({ name }) => name === host)!.fqdn;
  }

  trace(host: Host, label = ''): TraceLine[] {
    return readTrace(this.traceFile(host, label));
  }

  /** Waits until the trace of a program holds what is wanted. */
  traced(host: Host, label: string, wanted: (events: TraceLine[]) => boolean): Promise<TraceLine[]> {
    return traced(this.traceFile(host, label), wanted);
  }

  /** IP packets that this host or the router has cut since it was made. */
  fragmented(by: Host | 'router'): number {
    const read = (file: string): string =>
      execFileSync('ip', ['netns', 'exec', this.namespace(by), 'cat', `/proc/net/${file}`]).toString();
    const [names = '', values = ''] = read('snmp')
      .split('\n')
      .filter((line) => line.startsWith('Ip:'));
    const cut4 = Number(values.split(' ')[names.split(' ').indexOf('FragOKs')]);
    const cut6 = Number(/Ip6FragOKs\s+(\d+)/.exec(read('snmp6'))?.[1]);
    return cut4 + cut6;
  }

  async stop(): Promise<string[]> {
    this.up?.terminate();
    await this.up?.ended;
    const left = await killRunning();
    const nats = [...this.nats].map((host) => `nat of ${host}` as const);
    for (const name of [...HOSTS, 'router', ...nats] as const) {
      try {
        ip('netns', 'delete', this.namespace(name));
      } catch {
        // It was not made.
      }
    }
    rmSync(this.dir, { recursive: true });
    return left;
  }

  private traceFile(host: Host, label = ''): string {
    return join(this.dir, `${label}${host}-${this.runs}.ndjson`);
  }

  /** `LAB_HOSTS` and `LAB_RESOLVER` name files that it has for /etc/hosts and /etc/resolv.conf. */
  private node(at: Host | 'router', args: readonly string[], env: NodeJS.ProcessEnv): Program {
    const command = [process.execPath, ...args];
    const { LAB_HOSTS, LAB_RESOLVER, ...rest } = env;
    if (LAB_HOSTS && LAB_RESOLVER) {
      const inside = `mount --bind ${LAB_HOSTS} /etc/hosts && mount --bind ${LAB_RESOLVER} /etc/resolv.conf && exec "$0" "$@"`;
      command.unshift('unshare', '--mount', 'sh', '-c', inside);
    }
    return Program.command('ip', ['netns', 'exec', this.namespace(at), ...command], rest);
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
