/**
 * One node's sockets, a NAT or a firewall before them, and servers that tell it by STUN where they see it; on virtual
 * time. What a NAT does is said in RFC 4787's words.
 */
import type { DatagramPort, HostAddress } from '../../core/runtime';
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import { StunAnswers } from '../../servers/relay/stun-answers';
import { SeededRandom, VirtualTime } from './virtual-time';

export interface Gateway {
  /** Of IPv4; undefined: no translation. */
  readonly outside?: string;
  readonly mapping?: 'independent' | 'dependent';
  /** Who gets in: anybody, or who was sent to, by address and port. */
  readonly filtering: 'none' | 'address' | 'address and port';
}

export class StunWorld {
  readonly time = new VirtualTime();
  readonly random = new SeededRandom(9);
  gateway: Gateway = { filtering: 'none' };
  host: HostAddress[] = [{ interfaceName: 'eth0', family: 4, address: '192.168.1.2', loopback: false }];
  /** Datagrams that the node has sent. */
  sent = 0;
  lose: (to: Endpoint) => boolean = () => false;
  readonly oneWayMs = new Map<string, number>();
  receive: (datagram: Uint8Array, from: Endpoint) => void = () => {};
  private readonly servers = new Map<string, (datagram: Uint8Array, from: Endpoint) => void>();
  private readonly mappings = new Map<string, number>();
  private readonly sentTo = new Set<string>();

  get runtime() {
    return { clock: this.time, timers: this.time, random: this.random, hostAddresses: () => this.host };
  }

  get ports(): DatagramPort[] {
    const families = [...new Set(this.host.map(({ family }) => family))];
    return families.map((family) => ({
      family,
      local: { address: '', port: 4_000 },
      send: this.send,
      close: () => {},
    }));
  }

  /** A server at this place; `other`: the port from which it answers when that is asked for. */
  server(at: Endpoint, oneWayMs: number, other: number | 'none' = at.port + 1_000): Endpoint {
    this.oneWayMs.set(at.address, oneWayMs);
    const from = (port: number) => (datagram: Uint8Array) => this.inbound(datagram, { ...at, port });
    const answers = new StunAnswers({
      ...{ clock: this.time, transmit: from(at.port) },
      transmitFromOtherPort: other === 'none' ? undefined : from(other),
    });
    this.servers.set(formatEndpoint(at), (datagram, source) => answers.receive(datagram, source));
    return at;
  }

  /** The NAT starts anew: it has forgotten every mapping. */
  restartNat(): void {
    for (const [name, port] of this.mappings) this.mappings.set(name, port + 100);
    this.sentTo.clear();
  }

  readonly send = (datagram: Uint8Array, to: Endpoint): void => {
    this.sent += 1;
    this.sentTo.add(to.address).add(formatEndpoint(to));
    if (this.lose(to)) return;
    const from = this.outsideOf(to);
    this.time.schedule(this.oneWayMs.get(to.address) ?? 1, () =>
      this.servers.get(formatEndpoint(to))?.(datagram, from),
    );
  };

  outsideOf(to: Endpoint): Endpoint {
    const family = to.address.includes(':') ? 6 : 4;
    const own = this.host.find((each) => each.family === family)!.address;
    const { outside, mapping } = this.gateway;
    if (outside === undefined || family === 6) return { address: own, port: 4_000 };
    const name = mapping === 'dependent' ? formatEndpoint(to) : 'all';
    if (!this.mappings.has(name)) this.mappings.set(name, 50_000 + this.mappings.size);
    return { address: outside, port: this.mappings.get(name)! };
  }

  private inbound(datagram: Uint8Array, from: Endpoint): void {
    const { filtering } = this.gateway;
    const isKnown = this.sentTo.has(filtering === 'address' ? from.address : formatEndpoint(from));
    if (filtering !== 'none' && !isKnown) return;
    this.time.schedule(this.oneWayMs.get(from.address) ?? 1, () => this.receive(datagram, from));
  }
}
