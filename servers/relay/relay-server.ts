/**
 * RS, the relay server (paper 2.4): forwards the sealed datagrams of two nodes that cannot reach each other.
 *
 *   DC -> RS    Relay Direction      a key for each side; answered with the path's id (Figure 7 steps 17 and 18)
 *   node -> RS  Relay Bind           under its side's key: here I am. Again every 20 s and whenever in doubt
 *   node -> RS  relay frames         forwarded to the other side, unread (relay-paths.ts)
 *
 * Draining: no new paths, and every node is told to look for another RS, while the frames of those that have not yet
 * found one are forwarded on.
 */
import type { Timer } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import { agreedKey, sharedKey, type KeyPair } from '../../core/wire/keys';
import type { Body, Message } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import { isRelayFrame, pathIdOf, RELAY_MAGIC, relayHint } from '../../core/wire/relay-frame';
import { Signalling, type Context } from '../../core/wire/signalling';
import type { ServerMachine, ServerPorts, TrustedServer } from '../server-ports';
import { DEFAULT_RELAY_LIMITS, RelayPaths, type RelayLimits, type RelayPath } from './relay-paths';

/** How often paths that nobody uses are looked for. */
const SWEEP_MS = 15_000;
/** One hint in this time, whoever asks: nodes find out by themselves, too, only later. */
const HINT_INTERVAL_MS = 1;
/** While draining: has everybody gone? And are those who have not heard told again? */
const DRAIN_CHECK_MS = 500;

export interface RelayServerOptions {
  readonly identity: KeyPair;
  readonly name: string;
  readonly coordinator: TrustedServer;
  /** Where nodes send to; one for each IP version. */
  readonly endpoints: readonly Endpoint[];
  readonly limits?: Partial<RelayLimits>;
}

interface Side {
  readonly path: RelayPath;
  readonly side: 0 | 1;
}

export class RelayServer implements ServerMachine {
  readonly signalling: Signalling<Endpoint>;
  readonly coordinator: Peer;
  readonly paths: RelayPaths;
  draining = false;
  private readonly limits: RelayLimits;
  private readonly sides = new Map<Peer, Side>();
  private readonly peers = new Map<RelayPath, readonly [Peer, Peer]>();
  private lastHintMs = -Infinity;
  private sweepTimer: Timer | undefined;
  private measured = { atMs: 0, bytes: 0 };

  constructor(
    private readonly options: RelayServerOptions,
    private readonly ports: ServerPorts,
  ) {
    const { identity, name, coordinator, limits } = options;
    this.limits = { ...DEFAULT_RELAY_LIMITS, ...limits };
    this.signalling = new Signalling({ party: 'rs', part: name, identity, ...ports });
    this.coordinator = this.signalling.addPeer({ ...coordinator, key: agreedKey(identity, coordinator.publicKey) });
    this.paths = new RelayPaths(ports.clock, ports.random, this.limits, (frame, to) => ports.transmit(frame, to));
    this.signalling.handle('relayDirection', (body, context) => this.allocate(body, context));
    this.signalling.handle('relayBind', (_, context) => this.bind(context));
    this.signalling.handle('relayRelease', (_, { peer }) => this.release(peer));
    this.measured.atMs = ports.clock.now();
  }

  /** 0 idle to 1 full, by paths and by bytes since the last time that this was asked. */
  get load(): number {
    const { paths, limits, measured } = this;
    const now = this.ports.clock.now();
    const seconds = Math.max((now - measured.atMs) / 1000, 0.001);
    const bytesPerSecond = (paths.forwardedBytes - measured.bytes) / seconds;
    this.measured = { atMs: now, bytes: paths.forwardedBytes };
    return Math.min(1, Math.max(paths.size / limits.paths, bytesPerSecond / limits.capacityBytesPerSecond));
  }

  /** For paths that exist too. What is not given is as by default. */
  changeLimits(limits: Partial<RelayLimits>): void {
    Object.assign(this.limits, DEFAULT_RELAY_LIMITS, limits);
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    if (datagram[0] !== RELAY_MAGIC) return this.signalling.receive(datagram, from);
    const drop = this.paths.forward(datagram, from);
    if (drop === 'unknown path' || drop === 'unbound source') this.hint(datagram, from);
  }

  /** Resolves when every node has gone to another RS, or after `limitMs`. */
  async drain(limitMs: number): Promise<void> {
    this.draining = true;
    const { clock, timers } = this.ports;
    const endMs = clock.now() + limitMs;
    while (this.paths.size > 0 && clock.now() < endMs) {
      for (const path of this.paths) {
        for (const side of path.sides) if (side) this.ports.transmit(relayHint(path.id), side);
      }
      await new Promise<void>((resolve) => void timers.schedule(DRAIN_CHECK_MS, resolve));
    }
  }

  close(): void {
    this.sweepTimer?.cancel();
    this.signalling.close();
    for (const path of [...this.paths]) this.paths.end(path);
    this.sides.clear();
    this.peers.clear();
  }

  private allocate({ owner, keys }: Body<'relayDirection'>, { peer }: Context<Endpoint>): Message {
    if (peer !== this.coordinator) throw new Refused('malformed');
    if (this.draining) throw new Refused('unavailable');
    const shared = keys.map((key) => sharedKey(key, 1));
    if (shared.some(({ id }) => this.signalling.holderOf(id)) || shared.length !== 2) throw new Refused('malformed');
    const path = this.paths.allocate(owner);
    if (path === 'full') throw new Refused('unavailable');
    if (path === 'quota') throw new Refused('relay-quota');
    const [one, other] = shared.map((key, side) => {
      const node = this.signalling.addPeer({ key, party: 'node', name: `side ${side} of a path` });
      this.sides.set(node, { path, side: side as 0 | 1 });
      return node;
    });
    this.peers.set(path, [one!, other!]);
    this.sweepLater();
    return { name: 'relayDirectionAck', body: { pathId: path.id, endpoints: [...this.options.endpoints] } };
  }

  private bind({ peer, from }: Context<Endpoint>): Message {
    const bound = this.sides.get(peer);
    if (!bound) throw new Refused('malformed');
    this.paths.bind(bound.path, bound.side, from);
    return { name: 'relayBindAck', body: { observed: from, draining: this.draining } };
  }

  private release(peer: Peer): undefined {
    const bound = this.sides.get(peer);
    if (bound && this.paths.unbind(bound.path, bound.side)) this.end(bound.path);
  }

  private end(path: RelayPath): void {
    this.paths.end(path);
    for (const peer of this.peers.get(path) ?? []) {
      this.sides.delete(peer);
      this.signalling.removePeer(peer);
    }
    this.peers.delete(path);
  }

  private sweepLater(): void {
    this.sweepTimer ??= this.ports.timers.schedule(SWEEP_MS, () => {
      this.sweepTimer = undefined;
      for (const path of this.paths.expired()) this.end(path);
      if (this.paths.size > 0) this.sweepLater();
    });
  }

  /** A node whose path ended, or whose address is another one, need not wait to find out. Shorter than any frame. */
  private hint(frame: Uint8Array, from: Endpoint): void {
    const now = this.ports.clock.now();
    if (!isRelayFrame(frame) || now - this.lastHintMs < HINT_INTERVAL_MS) return;
    this.lastHintMs = now;
    this.ports.transmit(relayHint(pathIdOf(frame)), from);
  }
}
