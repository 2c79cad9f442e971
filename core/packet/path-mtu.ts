/**
 * The MTU of a tunnel's path, found by padded probes inside the tunnel (DPLPMTUD, RFC 8899).
 *
 *   base     1,280 bytes of outer packet, which every path carries
 *   search   all usual sizes at once, largest first, each twice: the largest that is answered holds
 *   again    when the path is another one, when TCP hears nothing any more (then from base), and at the first new
 *            session after ten minutes (RFC 8899's PMTU_RAISE_TIMER), so that an idle tunnel does not wake up for it
 *
 * All at once, and none again: Node's UDP sockets let Linux fragment what is larger than the path MTU that it learned
 * from a router (IP_PMTUDISC_WANT), so a probe that is sent after the router's answer to an earlier one would arrive,
 * in fragments. For the same reason nothing is tried that is larger than the MTU of the interface.
 */
import type { Clock, Random, Timer, Timers } from '../runtime';
import type { Endpoint } from '../wire/addresses';
import { samePath, type Path } from './path';
import { decodePathMessage, encodePathMessage } from './path-probe';
import { LEAST_MTU } from './wireguard/constants';
import type { Tunnel } from './wireguard/tunnel';

/** Outer IP packets: the IPv6 minimum; and what Ethernet, PPPoE, tunnels and mobile networks leave; jumbo; loopback. */
const BASE = 1_280;
const USUAL = [16_504, 9_000, 1_500, 1_492, 1_460, 1_420, 1_380] as const;
const COPIES = 2;
/** Of an interface of which nothing is known. */
const ETHERNET = 1_500;
const UDP_AND_WIREGUARD = 8 + 32;
const RAISE_MS = 600_000;
/** After a stall the path may be gone altogether: asked again, later and later, until something is answered. */
const RETRIES_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 32_000] as const;

/** The largest inner packet in outer packets of `outer` bytes on this path. */
export function innerMtu(outer: number, { endpoint }: Path): number {
  return outer - (endpoint.address.includes(':') ? 40 : 20) - UDP_AND_WIREGUARD;
}

export interface PathMtuOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** The MTU of the interface that leads there, bytes; undefined when it cannot be known. */
  interfaceMtu(to: Endpoint): Promise<number | undefined>;
  /** `mtu`: the largest inner packet that the tunnel carries now, bytes. */
  onMtu(tunnel: Tunnel, mtu: number): void;
}

interface Search {
  readonly path: Path;
  readonly startedMs: number;
  readonly challenge: Uint8Array;
  retries: number;
  retry?: Timer | undefined;
}

export class PathMtus {
  private readonly searches = new WeakMap<Tunnel, Search>();

  constructor(private readonly options: PathMtuOptions) {}

  /** A session was made, or the peer has moved. */
  look(tunnel: Tunnel): void {
    const last = this.searches.get(tunnel);
    const isNew = !last || !samePath(last.path, tunnel.path);
    if (isNew) this.set(tunnel, LEAST_MTU);
    if (isNew || this.options.clock.now() - last.startedMs >= RAISE_MS) this.search(tunnel, 0);
  }

  /** Large packets have ceased to arrive, and no router says why (RFC 8899 section 4.3). */
  stalled(tunnel: Tunnel): void {
    const last = this.searches.get(tunnel);
    if (last && this.options.clock.now() - last.startedMs < RETRIES_MS[0]) return;
    this.set(tunnel, LEAST_MTU);
    this.search(tunnel, RETRIES_MS.length);
  }

  /** True when it was a message of ours, and is dealt with. */
  receive(control: Uint8Array, tunnel: Tunnel): boolean {
    const message = decodePathMessage(control);
    if (!message) return false;
    if (message.kind === 'probe') tunnel.sendControl(encodePathMessage({ ...message, kind: 'answer' }));
    else this.answered(tunnel, message.challenge, message.length);
    return true;
  }

  private search(tunnel: Tunnel, retries: number): void {
    const { clock, timers, random } = this.options;
    this.searches.get(tunnel)?.retry?.cancel();
    const search: Search = { path: tunnel.path, startedMs: clock.now(), challenge: random.bytes(8), retries };
    this.searches.set(tunnel, search);
    if (retries > 0) {
      const delayMs = RETRIES_MS[RETRIES_MS.length - retries]!;
      search.retry = timers.schedule(delayMs, () => this.search(tunnel, retries - 1));
    }
    void this.options
      .interfaceMtu(tunnel.path.endpoint)
      .then((largest = ETHERNET) => this.probe(tunnel, search, largest));
  }

  private probe(tunnel: Tunnel, search: Search, largest: number): void {
    if (this.searches.get(tunnel) !== search || !samePath(search.path, tunnel.path)) return;
    const { challenge, path } = search;
    for (const outer of [...USUAL.filter((size) => size <= largest), BASE]) {
      const probe = encodePathMessage({ kind: 'probe', challenge, length: innerMtu(outer, path) });
      for (let i = 0; i < COPIES; i++) tunnel.sendControl(probe);
    }
  }

  private answered(tunnel: Tunnel, challenge: Uint8Array, length: number): void {
    const search = this.searches.get(tunnel);
    if (!search || Buffer.compare(challenge, search.challenge) !== 0 || !samePath(search.path, tunnel.path)) return;
    search.retry?.cancel();
    if (length > tunnel.mtu && USUAL.some((outer) => innerMtu(outer, search.path) === length)) this.set(tunnel, length);
  }

  private set(tunnel: Tunnel, mtu: number): void {
    if (tunnel.mtu === mtu) return;
    tunnel.mtu = mtu;
    this.options.onMtu(tunnel, mtu);
  }
}
