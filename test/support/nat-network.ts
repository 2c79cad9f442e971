/** UDP between hosts behind NATs on virtual time; NATs by what RFC 4787 tells apart: mapping, filtering, forgetting. */
import { formatEndpoint, sameEndpoint, type Endpoint } from '../../core/wire/addresses';
import type { SeededRandom, VirtualTime } from './virtual-time';

export interface NatKind {
  /** `dependent`: another port for each remote endpoint (symmetric). */
  readonly mapping: 'independent' | 'dependent';
  /** Who may send to a mapping: anybody, addresses that were sent to, endpoints that were sent to. */
  readonly filtering: 'none' | 'address' | 'port';
  /** A mapping through which nothing was sent for so long is gone, and nobody is let in to whom nothing was. */
  readonly forgetMs?: number;
}

export const NATS = {
  cone: { mapping: 'independent', filtering: 'none' },
  addressRestricted: { mapping: 'independent', filtering: 'address' },
  portRestricted: { mapping: 'independent', filtering: 'port' },
  symmetric: { mapping: 'dependent', filtering: 'port' },
} as const satisfies Record<string, NatKind>;

type Receive = (datagram: Uint8Array, from: Endpoint) => void;

interface Mapping {
  readonly outside: Endpoint;
  readonly local: Endpoint;
  readonly key: string;
  /** Each at most once, and when last. */
  sentTo: { readonly endpoint: Endpoint; readonly atMs: number }[];
  usedMs: number;
}

export class Nat {
  private mappings: Mapping[] = [];

  constructor(
    readonly address: string,
    readonly kind: NatKind,
    private readonly time: VirtualTime,
    private readonly random: SeededRandom,
  ) {}

  outbound(local: Endpoint, to: Endpoint): Endpoint {
    const key =
      this.kind.mapping === 'independent' ? formatEndpoint(local) : formatEndpoint(local) + formatEndpoint(to);
    let mapping = this.alive().find((each) => each.key === key);
    if (!mapping) {
      const [high, low] = this.random.bytes(2);
      mapping = {
        outside: { address: this.address, port: 1_024 + (((high! << 8) | low!) % 64_000) },
        ...{ key, local },
        sentTo: [],
        usedMs: 0,
      };
      this.mappings.push(mapping);
    }
    mapping.usedMs = this.time.now();
    const others = mapping.sentTo.filter(({ endpoint }) => !sameEndpoint(endpoint, to));
    mapping.sentTo = [...others, { endpoint: to, atMs: mapping.usedMs }];
    return mapping.outside;
  }

  /** Whose it is, if it is let in. */
  inbound(from: Endpoint, to: Endpoint): Endpoint | undefined {
    const mapping = this.alive().find(({ outside }) => sameEndpoint(outside, to));
    if (!mapping) return undefined;
    const { filtering, forgetMs = Infinity } = this.kind;
    if (filtering === 'none') return mapping.local;
    const isKnown = ({ address, port }: Endpoint): boolean =>
      address === from.address && (filtering === 'address' || port === from.port);
    const sinceMs = this.time.now() - forgetMs;
    return mapping.sentTo.some(({ endpoint, atMs }) => atMs >= sinceMs && isKnown(endpoint))
      ? mapping.local
      : undefined;
  }

  /** Every mapping is gone, and the next ones have other ports. */
  reboot(): void {
    this.mappings = [];
  }

  private alive(): Mapping[] {
    const { forgetMs } = this.kind;
    if (forgetMs === undefined) return this.mappings;
    return (this.mappings = this.mappings.filter(({ usedMs }) => this.time.now() - usedMs <= forgetMs));
  }
}

const NOWHERE = { address: '', port: 0 };

interface Host {
  readonly local: Endpoint;
  readonly nat: Nat | undefined;
  readonly receive: Receive;
}

export class NatNetwork {
  /** True: the datagram is lost. Between the hosts' own endpoints. */
  lose: (from: Endpoint, to: Endpoint) => boolean = () => false;
  latencyMs: (from: Endpoint, to: Endpoint) => number = () => 10;
  /** Datagrams that were sent. */
  count = 0;
  private hosts: Host[] = [];

  constructor(
    readonly time: VirtualTime,
    private readonly random: SeededRandom,
  ) {}

  nat(address: string, kind: NatKind): Nat {
    return new Nat(address, kind, this.time, this.random);
  }

  /** The result sends from this host. */
  host(local: Endpoint, nat: Nat | undefined, receive: Receive): (datagram: Uint8Array, to: Endpoint) => void {
    const host = { local, nat, receive };
    this.hosts.push(host);
    return (datagram, to) => {
      this.count += 1;
      const copy = datagram.slice();
      const from = nat && to.address !== local.address ? nat.outbound(local, to) : local;
      if (this.lose(from, to)) return;
      this.time.schedule(this.latencyMs(from, to), () => {
        this.hosts
          .find(({ local: own, nat: its }) => sameEndpoint(own, its?.inbound(from, to) ?? (its ? NOWHERE : to)))
          ?.receive(copy, from);
      });
    };
  }

  remove(local: Endpoint): void {
    this.hosts = this.hosts.filter((host) => !sameEndpoint(host.local, local));
  }

  /** Where a server would see this host's datagrams come from. */
  static observed(nat: Nat | undefined, local: Endpoint, server: Endpoint): Endpoint {
    return nat ? nat.outbound(local, server) : local;
  }
}
