/**
 * The hosts of one site and its gateways, each a namespace:
 *
 *   host1 --+                                            public places: the host is on the line itself
 *   host2 --+-- inside [gateway 1] outside -- inside [gateway 2] outside -- line
 *
 * The network of the hosts is 192.168.N.0/24 unless the place says otherwise, those between gateways 100.64.N.0/24
 * (RFC 6598). Hosts have .2 and up, gateways .1.
 */
import type { Gateway } from './gateway';
import type { Internet, Line, LineOptions } from './internet';
import type { CableEnd, Lease, Namespaces } from './namespaces';
import type { Place } from './place';
import { Program } from '../processes';

export class Site {
  private readonly programs: Program[] = [];
  private readonly hosts = new Set<number>();
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
    const number = place.host ?? 1;
    this.hosts.add(number);
    if (!place.gateways) {
      this.line = this.internet.plugIn(end, place.families, this.lineOptions);
      return this.line.leases;
    }
    const network = this.privateNetwork(place);
    if (this.hosts.size === 1) this.addGateways(place, network);
    this.namespaces.cable(end, [this.gateway(1), `host${number}`]);
    this.bridge(number);
    return [{ address: `${network}.${number + 1}/24`, router: `${network}.1` }];
  }

  /** Of the outermost gateway, or of the host. */
  get outside(): Record<4 | 6, string> {
    return this.outsideLine.addresses;
  }

  /** Whatever comes or goes is lost from now on, or no longer, and nobody is told. */
  silence(silent: boolean): void {
    this.internet.silence(this.outsideLine, silent);
  }

  /** Of the cable of the host at this place, as the host sees it. */
  setCarrier(place: Place, present: boolean): void {
    const [namespace, device] = place.gateways ? [this.gateway(1), `host${place.host ?? 1}`] : this.outsideLine.far;
    this.namespaces.ip(namespace, 'link', 'set', device, present ? 'up' : 'down');
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
    this.openGateway(1, this.privateNetwork(place), gateway);
    for (const host of this.hosts) this.bridge(host);
    this.internet.reconnect([name, 'outside'], this.outside[4]);
  }

  async endPrograms(): Promise<void> {
    for (const program of this.programs) program.terminate();
    await Promise.all(this.programs.splice(0).map(({ ended }) => ended));
  }

  private get outsideLine(): Line {
    if (!this.line) throw new Error(`nobody is at ${this.name} yet`);
    return this.line;
  }

  private addGateways({ gateways = [], families }: Place, network: string): void {
    gateways.forEach((gateway, i) => {
      this.namespaces.add(this.gateway(i + 1));
      this.openGateway(i + 1, i === 0 ? network : this.betweenNetwork(i), gateway);
      if (i > 0) this.cascade(i);
    });
    const end: CableEnd = [this.gateway(gateways.length), 'outside'];
    this.line = this.internet.plugIn(end, families, this.lineOptions);
    this.namespaces.lease(end, this.line.leases);
  }

  /** Gateway `i` is behind the next one. */
  private cascade(i: number): void {
    this.namespaces.cable([this.gateway(i), 'outside'], [this.gateway(i + 1), 'host1']);
    this.namespaces.ip(this.gateway(i + 1), 'link', 'set', 'host1', 'master', 'inside');
    this.namespaces.address(this.gateway(i), 'outside', `${this.betweenNetwork(i)}.2/24`);
    this.namespaces.route(this.gateway(i), 'default', `${this.betweenNetwork(i)}.1`);
  }

  /** Its rules and its inner interface, a bridge for the cables of its hosts. */
  private openGateway(i: number, network: string, { rules, settings = [], programs = [] }: Gateway): void {
    const name = this.gateway(i);
    this.namespaces.set(name, ['net.ipv4.ip_forward=1', ...settings]);
    this.namespaces.ip(name, 'link', 'add', 'inside', 'type', 'bridge');
    this.namespaces.ip(name, 'link', 'set', 'inside', 'up');
    this.namespaces.address(name, 'inside', `${network}.1/24`);
    this.namespaces.nft(name, rules);
    for (const command of programs) {
      const [program = '', ...args] = [...this.namespaces.commandAt(name), ...command];
      this.programs.push(Program.command(program, args));
    }
  }

  private bridge(host: number): void {
    this.namespaces.ip(this.gateway(1), 'link', 'set', `host${host}`, 'master', 'inside', 'up');
  }

  private gateway(i: number): string {
    return `${this.name}-gateway${i}`;
  }

  private privateNetwork({ network }: Place): string {
    return network ?? `192.168.${this.number}`;
  }

  private betweenNetwork(i: number): string {
    return `100.64.${this.number * 4 + i}`;
  }
}
