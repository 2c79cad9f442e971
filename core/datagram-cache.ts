/**
 * UDP of unmodified programs by way of the cache server (NTMOBILE_CACHE): a datagram to an absent node, for a port that
 * is named there, is stored; what was stored for this node's named ports is handed to the sockets that are bound to
 * them, as from the virtual address of its sender, in order, as far as the inbound rules let its sender in.
 *
 * The same variable names both, so that nobody's datagrams come out of a cache that this node does not use.
 */
import type { Opened } from './cache/contract';
import { Reader } from './cache/reader';
import type { CachedPorts } from './cached-ports';
import { CachingSocket } from './caching-socket';
import { NtmError } from './errors';
import type { InboundRules } from './inbound-rules';
import type { NodeCache } from './node-cache';
import type { UdpSocket } from './packet/stack/stack-contract';
import type { Runtime } from './runtime';
import { UnconfirmedDatagrams } from './unconfirmed-datagrams';
import type { TakenOutcome } from './wire/cache-messages';
import type { Endpoint, VirtualAddresses } from './wire/addresses';
import { canonicalIp } from './wire/ip-text';
import { parsePermit, permitsPort } from './wire/permits';
import type { Body } from './wire/messages';

/** Waiting to be stored, as much as a socket's buffers would hold; more are lost. */
const WAITING_LIMIT = { datagrams: 4_096, bytes: 1 << 20 };
/** What the DC has said of a receiver is good for the datagrams that follow. */
const ACCESS_MS = 5_000;
const ACCESS_LIMIT = 64;
/** Ports that are asked for at once. */
const BOXES_LIMIT = 32;
const NAMES_LIMIT = 1_024;

export interface DatagramCacheOptions {
  readonly runtime: Runtime;
  readonly ports: CachedPorts;
  readonly allow: InboundRules | undefined;
  cache(): NodeCache;
  isZone(name: string): boolean;
  addresses(): VirtualAddresses | undefined;
  /** Those that sockets of this node are bound to. */
  boundPorts(): number[];
  /** Through the tunnel with this address. */
  lastReceivedMs(address: string): number | undefined;
  /** Asks the DC. Never rejects. */
  isAbsent(address: string): Promise<boolean>;
  /** `refused`: no socket that hears from there. Undefined: not now. */
  inject(bytes: Uint8Array, from: Endpoint, to: Endpoint): 'taken' | 'refused' | undefined;
}

interface Known {
  readonly access: Promise<Body<'cacheResponse'>>;
  readonly untilMs: number;
}

export class DatagramCache {
  private readonly known = new Map<string, Known>();
  /** By address, of senders whose datagrams came out of the cache. */
  private readonly names = new Map<string, string>();
  private storing: Promise<unknown> = Promise.resolve();
  private waiting = { datagrams: 0, bytes: 0 };
  private reader: Reader | undefined;
  private readonly unconfirmed: UnconfirmedDatagrams;

  constructor(private readonly options: DatagramCacheOptions) {
    const { runtime, lastReceivedMs, isAbsent } = options;
    const { clock, timers } = runtime;
    const store = (bytes: Uint8Array, sourcePort: number, to: Endpoint): void => {
      this.store(bytes, sourcePort, to)?.catch(() => {}); // as UDP: its program has heard that it was sent
    };
    this.unconfirmed = new UnconfirmedDatagrams({ clock, timers, lastReceivedMs, isAbsent, store });
  }

  /** Resolves when it is stored; undefined when datagrams for this port are not. */
  store(bytes: Uint8Array, sourcePort: number, { address, port }: Endpoint): Promise<void> | undefined {
    if (!this.options.ports.has(port)) return undefined;
    const { waiting } = this;
    if (waiting.datagrams >= WAITING_LIMIT.datagrams || waiting.bytes + bytes.length > WAITING_LIMIT.bytes) {
      return Promise.reject(new NtmError('NTM_CACHE_FULL', 'too many datagrams wait to be stored'));
    }
    waiting.datagrams++;
    waiting.bytes += bytes.length;
    const content = new Uint8Array(bytes);
    const family = address.includes(':') ? (6 as const) : (4 as const);
    const about = { udp: { family, sourcePort, destinationPort: port } };
    const stored = this.storing
      .then(async () => {
        const { postbox } = this.options.cache();
        await postbox.store(address, { box: boxOf(port), content, about }, await this.accessOf(address));
      })
      .finally(() => {
        waiting.datagrams--;
        waiting.bytes -= content.length;
      });
    this.storing = stored.catch(() => {});
    return stored;
  }

  /** A socket was bound: perhaps something waits for it. What it sends is stored when its receiver is away. */
  opened(socket: UdpSocket): UdpSocket {
    const { ports, addresses } = this.options;
    if (ports.has(socket.local.port)) this.read();
    const isCached = ({ address, port }: Endpoint): boolean =>
      ports.has(port) && address !== addresses()?.ipv4 && address !== addresses()?.ipv6;
    return new CachingSocket(socket, isCached, this.unconfirmed);
  }

  private read(): void {
    const { postbox } = this.options.cache();
    const { timers } = this.options.runtime;
    if (this.reader) this.reader.perhaps();
    else
      this.reader = new Reader(
        postbox,
        timers,
        () => this.boxes(),
        async (item) => this.deliver(item),
      );
  }

  nameOf(address: string): string | undefined {
    return this.names.get(address);
  }

  close(): void {
    this.unconfirmed.close();
    this.reader?.stop();
  }

  private boxes(): string[] {
    const { ports, boundPorts } = this.options;
    const bound = boundPorts().filter((port) => ports.has(port));
    return [...new Set(bound)].slice(0, BOXES_LIMIT).map(boxOf);
  }

  private deliver({ label: { from, udp }, content, addresses, permits }: Opened): TakenOutcome | undefined {
    const { ports, allow, isZone, inject, cache } = this.options;
    const own = this.options.addresses();
    if (!own) return undefined;
    const isAdmitted =
      udp &&
      isPermitted(permits, udp.destinationPort) &&
      ports.has(udp.destinationPort) &&
      (allow?.admits(from, 'udp', udp.destinationPort, isZone) ?? true);
    const outcome = isAdmitted ? this.injectFrom(udp, content, from, addresses, own, inject) : 'refused';
    if (outcome === 'refused') cache().postbox.dropped('refused', from);
    return outcome;
  }

  private injectFrom(
    { family, sourcePort, destinationPort }: NonNullable<Opened['label']['udp']>,
    content: Uint8Array,
    name: string,
    addresses: VirtualAddresses,
    own: VirtualAddresses,
    inject: DatagramCacheOptions['inject'],
  ): 'taken' | 'refused' | undefined {
    const address = family === 4 ? addresses.ipv4 : canonicalIp(addresses.ipv6);
    const to = { address: family === 4 ? own.ipv4 : own.ipv6, port: destinationPort };
    if (this.names.size >= NAMES_LIMIT) this.names.delete(this.names.keys().next().value!);
    this.names.set(address, name); // before the program sees it, which may ask
    return inject(content, { address, port: sourcePort }, to);
  }

  private accessOf(target: string): Promise<Body<'cacheResponse'>> {
    const nowMs = this.options.runtime.clock.now();
    const known = this.known.get(target);
    if (known && nowMs < known.untilMs) return known.access;
    const access = this.options.cache().access(target);
    if (this.known.size >= ACCESS_LIMIT) this.known.clear();
    this.known.set(target, { access, untilMs: nowMs + ACCESS_MS });
    access.catch(() => this.known.delete(target));
    return access;
  }
}

function boxOf(port: number): string {
  return `udp/${port}`;
}

function isPermitted(permits: readonly string[] | undefined, port: number): boolean {
  return (
    !permits ||
    permitsPort(
      permits.flatMap((each) => parsePermit(each) ?? []),
      'udp',
      port,
    )
  );
}
