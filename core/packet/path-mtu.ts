/**
 * The MTU of a tunnel's path, found by padded probes inside the tunnel (DPLPMTUD, RFC 8899).
 *
 *   base     1,280 bytes of outer packet, which every path carries
 *   search   all usual sizes at once, smallest first, each twice: the largest that is answered, and was not cut, holds
 *   again    when the path is another one, when TCP hears nothing any more (then from base), and at a new session when
 *            this host has cut packets meanwhile or ten minutes are over (RFC 8899's PMTU_RAISE_TIMER); no timer of
 *            its own, so that an idle tunnel does not wake up for it
 *
 * Node's UDP sockets let Linux cut into fragments what is larger than the path MTU that it learned from a router
 * (IP_PMTUDISC_WANT), so a probe that is sent after the router's answer to an earlier one arrives, however large; a
 * router that is near, or this host itself, answers before the next probe. Linux counts what it cuts: since the probes
 * grow, those were the last ones. Nothing is tried that is larger than the MTU of the interface.
 */
import type { Clock, Random, Timer, Timers } from '../runtime';
import type { Endpoint } from '../wire/addresses';
import { RELAY_HEADER_LENGTH } from '../wire/relay-frame';
import { samePath, type Path } from './path';
import { decodePathMessage, encodePathMessage } from './path-probe';
import { LEAST_MTU } from './wireguard/constants';
import type { Tunnel } from './wireguard/tunnel';

/** Outer IP packets: the IPv6 minimum; and what Ethernet, PPPoE, tunnels and mobile networks leave; jumbo; loopback. */
const BASE = 1_280;
const USUAL = [1_380, 1_420, 1_460, 1_492, 1_500, 9_000, 16_504] as const;
/** Of each probe, in case one is lost. */
const COPIES = 2;
/** Of an interface of which nothing is known. */
const ETHERNET = 1_500;
const UDP_AND_WIREGUARD = 8 + 32;
const RAISE_MS = 600_000;
/** After a stall the path may be gone altogether: asked again, later and later, until something is answered. */
const RETRIES_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000] as const;

/** The largest inner packet in outer packets of `outer` bytes on this path. */
export function innerMtu(outer: number, { endpoint, kind }: Path): number {
  const frame = kind === 'relay' ? RELAY_HEADER_LENGTH : 0;
  return outer - (endpoint.address.includes(':') ? 40 : 20) - UDP_AND_WIREGUARD - frame;
}

/** What every path of this kind carries. */
function leastMtu(path: Path): number {
  return Math.min(LEAST_MTU, innerMtu(BASE, path));
}

export interface PathMtuOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** The MTU of the interface that leads there, bytes; undefined when it cannot be known. */
  interfaceMtu(to: Endpoint): Promise<number | undefined>;
  /** IP packets that this host has cut into fragments until now; undefined when it cannot be known. */
  cutPackets(): Promise<number | undefined>;
  /** `mtu`: the largest inner packet that the tunnel carries now, bytes. */
  onMtu(tunnel: Tunnel, mtu: number): void;
}

interface Search {
  readonly path: Path;
  readonly startedMs: number;
  readonly challenge: Uint8Array;
  /** Inner lengths of the probes that were answered; and of those that were not cut, once that is known. */
  readonly answered: Set<number>;
  whole?: readonly number[];
  /** How many packets this host had cut after the probes. */
  cut?: number | undefined;
  /** Waits to ask again, because nothing was answered yet. */
  retry?: Timer | undefined;
}

export class PathMtus {
  private readonly searches = new WeakMap<Tunnel, Search>();

  constructor(private readonly options: PathMtuOptions) {}

  /** A session was made, or the peer has moved. */
  look(tunnel: Tunnel): void {
    const last = this.searches.get(tunnel);
    if (!last || !samePath(last.path, tunnel.path)) {
      this.set(tunnel, leastMtu(tunnel.path));
      return this.search(tunnel, 0);
    }
    if (this.options.clock.now() - last.startedMs >= RAISE_MS) return this.search(tunnel, 0);
    void this.options.cutPackets().then((cut) => {
      if (this.searches.get(tunnel) === last && last.whole && cut !== last.cut) this.search(tunnel, 0);
    });
  }

  /** This host is in another network: what was found does not hold any more. */
  leave(tunnel: Tunnel): void {
    this.end(tunnel);
    this.set(tunnel, leastMtu(tunnel.path));
  }

  /**
   * Packets take another path, too, and have to fit into that. What is under way was sent by this one, and fits: so
   * `onMtu` is not called. The result: the largest inner packet.
   */
  doubt(tunnel: Tunnel): number {
    return (tunnel.mtu = leastMtu(tunnel.path));
  }

  /** They do not any more. */
  believe(tunnel: Tunnel): void {
    const last = this.searches.get(tunnel);
    if (last && samePath(last.path, tunnel.path)) this.conclude(tunnel, last);
  }

  /** The peer answers there. */
  moved(tunnel: Tunnel): void {
    this.leave(tunnel);
    this.search(tunnel, 0);
  }

  /** Large packets have ceased to arrive, and no router says why (RFC 8899 section 4.3). */
  stalled(tunnel: Tunnel): void {
    const last = this.searches.get(tunnel);
    if (last && (last.retry || this.options.clock.now() - last.startedMs < RETRIES_MS[0])) return;
    this.set(tunnel, leastMtu(tunnel.path));
    this.search(tunnel, RETRIES_MS.length);
  }

  /** The tunnel is closed. */
  end(tunnel: Tunnel): void {
    this.searches.get(tunnel)?.retry?.cancel();
    this.searches.delete(tunnel);
  }

  /** True when it was a message of ours, and is dealt with. */
  receive(control: Uint8Array, tunnel: Tunnel): boolean {
    const message = decodePathMessage(control);
    if (!message) return false;
    if (message.kind !== 'answer') tunnel.sendControl(encodePathMessage({ ...message, kind: 'answer' }));
    else this.answered(tunnel, message.challenge, message.length);
    return true;
  }

  private search(tunnel: Tunnel, retries: number): void {
    const { clock, timers, random } = this.options;
    this.searches.get(tunnel)?.retry?.cancel();
    const { path } = tunnel;
    const search: Search = {
      ...{ path, startedMs: clock.now(), challenge: random.bytes(8), answered: new Set() },
    };
    this.searches.set(tunnel, search);
    if (retries > 0) {
      const delayMs = RETRIES_MS[RETRIES_MS.length - retries]!;
      search.retry = timers.schedule(delayMs, () => this.search(tunnel, retries - 1));
    }
    timers.schedule(0, () => void this.probe(tunnel, search)); // what waits for the tunnel goes first
  }

  private async probe(tunnel: Tunnel, search: Search): Promise<void> {
    const { interfaceMtu, cutPackets } = this.options;
    const { challenge, path } = search;
    const largest = (await interfaceMtu(path.endpoint)) ?? ETHERNET;
    const before = await cutPackets();
    if (this.searches.get(tunnel) !== search || !samePath(path, tunnel.path)) return;
    const lengths = [BASE, ...USUAL.filter((size) => size <= largest)].map((outer) => innerMtu(outer, path));
    for (const length of lengths) {
      const probe = encodePathMessage({ kind: 'probe', challenge, length });
      for (let i = 0; i < COPIES; i++) tunnel.sendControl(probe);
    }
    search.cut = await cutPackets();
    search.whole = withoutCut(lengths, (search.cut ?? 0) - (before ?? 0));
    if (this.searches.get(tunnel) !== search) return;
    if (tunnel.mtu > Math.max(...search.whole)) this.set(tunnel, leastMtu(tunnel.path)); // what is sent is being cut
    this.conclude(tunnel, search);
  }

  private answered(tunnel: Tunnel, challenge: Uint8Array, length: number): void {
    const search = this.searches.get(tunnel);
    if (!search || Buffer.compare(challenge, search.challenge) !== 0 || !samePath(search.path, tunnel.path)) return;
    search.retry?.cancel();
    search.retry = undefined;
    if (USUAL.some((outer) => innerMtu(outer, search.path) === length)) search.answered.add(length);
    this.conclude(tunnel, search);
  }

  private conclude(tunnel: Tunnel, { answered, whole = [] }: Search): void {
    const largest = Math.max(leastMtu(tunnel.path), ...whole.filter((length) => answered.has(length)));
    if (largest > tunnel.mtu) this.set(tunnel, largest);
  }

  private set(tunnel: Tunnel, mtu: number): void {
    if (tunnel.mtu === mtu) return;
    tunnel.mtu = mtu;
    this.options.onMtu(tunnel, mtu);
  }
}

/** `cut`: how many packets the host has cut meanwhile. More than there were probes are others' and tell nothing. */
function withoutCut(lengths: readonly number[], cut: number): readonly number[] {
  if (cut > lengths.length * COPIES) return lengths;
  return lengths.slice(0, lengths.length - Math.ceil(cut / COPIES));
}
