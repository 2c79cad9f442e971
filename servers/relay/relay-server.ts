/**
 * RS, the relay server (paper 2.4): forwards the sealed datagrams of two nodes that cannot reach each other.
 *
 *   DC -> RS    Relay Direction      a key for each side; answered with the path's id (Figure 7 steps 17 and 18)
 *   DC -> RS    Relay Withdrawal     ends the paths of somebody who may use none any more
 *   node -> RS  Relay Bind           under its side's key: here I am. Again every 20 s and whenever in doubt
 *   node -> RS  relay frames         forwarded to the other side, unread (relay-paths.ts)
 *   node -> RS  STUN                 where is this seen to come from? (stun-answers.ts)
 *
 * Draining: no new paths, and every node is told to look for another RS, while the frames of those that have not yet
 * found one are forwarded on.
 */
import type { Timer } from '../../core/runtime';
import { tellsMessages } from '../../core/trace';
import type { Endpoint } from '../../core/wire/addresses';
import { agreedKey, sharedKey, type KeyPair } from '../../core/wire/keys';
import type { Body, Message } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import { handshakeIn, isRelayFrame, pathIdOf, RELAY_MAGIC, relayHint } from '../../core/wire/relay-frame';
import { Signalling, type Context } from '../../core/wire/signalling';
import { isStun } from '../../core/wire/stun';
import type { ServerMachine, ServerPorts, TrustedServer } from '../server-ports';
import { RelayCrew } from './relay-crew';
import { DEFAULT_RELAY_LIMITS, RelayPaths, type RelayLimits, type RelayPath } from './relay-paths';
import type { RelayDrop } from './relay-table';
import { StunAnswers } from './stun-answers';

/** How often paths that nobody uses are looked for. */
const SWEEP_MS = 15_000;
/** One hint in this time, whoever asks: nodes find out by themselves, too, only later. */
const HINT_INTERVAL_MS = 1;
/** While draining: has everybody gone? And are those who have not heard told again? */
const DRAIN_CHECK_MS = 500;
/** Who still uses a path binds it every two seconds while this drains; who has not heard that by then has gone. */
const DRAIN_SILENCE_MS = 10_000;

export interface RelayServerOptions {
  readonly identity: KeyPair;
  readonly name: string;
  readonly coordinator: TrustedServer;
  /** Where nodes send to; one for each IP version. */
  readonly endpoints: readonly Endpoint[];
  readonly limits?: Partial<RelayLimits>;
}

export interface RelayServerPorts extends ServerPorts {
  /** From another port than the one that nodes send to. Without it nodes cannot find out whether anyone reaches them. */
  transmitFromOtherPort?(datagram: Uint8Array, to: Endpoint): void;
}

interface Side {
  readonly path: RelayPath;
  readonly side: 0 | 1;
}

interface Users {
  readonly peers: readonly [Peer, Peer];
  /** Their names, where the DC said so. */
  readonly nodes: readonly string[];
}

export class RelayServer implements ServerMachine {
  readonly signalling: Signalling<Endpoint>;
  readonly coordinator: Peer;
  readonly paths: RelayPaths;
  readonly stun: StunAnswers;
  draining = false;
  /** Where nodes come over TLS. */
  streamEndpoints: readonly Endpoint[] = [];
  /** Relay Binds taken. */
  binds = 0;
  /** Where there are worker processes, or the CPU time is measured. */
  crew: RelayCrew | undefined;
  private readonly limits: RelayLimits;
  private readonly sides = new Map<Peer, Side>();
  /** Those who came over a TLS connection, by that. */
  private readonly overStreams = new Map<Endpoint, Set<Side>>();
  private readonly users = new Map<RelayPath, Users>();
  private lastHintMs = -Infinity;
  private sweepTimer: Timer | undefined;
  private measured = { atMs: 0, bytes: 0, packets: 0 };

  constructor(
    private readonly options: RelayServerOptions,
    private readonly ports: RelayServerPorts,
  ) {
    const { identity, name, coordinator, limits } = options;
    this.limits = { ...DEFAULT_RELAY_LIMITS, ...limits };
    this.signalling = new Signalling({ party: 'rs', part: name, identity, ...ports });
    this.coordinator = this.signalling.addPeer({ ...coordinator, key: agreedKey(identity, coordinator.publicKey) });
    this.paths = new RelayPaths(ports.clock, ports.random, this.limits, (frame, to) => ports.transmit(frame, to));
    const { clock, transmitFromOtherPort } = ports;
    this.stun = new StunAnswers({
      clock,
      transmit: (datagram, to) => ports.transmit(datagram, to),
      transmitFromOtherPort,
    });
    this.signalling.handle('relayDirection', (body, context) => this.allocate(body, context));
    this.signalling.handle('relayWithdrawal', (body, context) => this.withdraw(body, context));
    this.signalling.handle('relayBind', (_, context) => this.bind(context));
    this.signalling.handle('relayRelease', (_, { peer }) => this.release(peer));
    this.measured.atMs = ports.clock.now();
  }

  /** By all of its processes. */
  get forwarded(): { readonly packets: number; readonly bytes: number } {
    const { forwardedPackets: packets, forwardedBytes: bytes } = this.paths.table;
    return this.crew?.forwarded ?? { packets, bytes };
  }

  get frameDrops(): ReadonlyMap<RelayDrop, number> {
    return this.crew?.drops ?? this.paths.drops;
  }

  /** 0 idle to 1 full: whichever is highest of paths, CPU time, and packets and bytes since this was last asked. */
  get load(): number {
    const { paths, limits, measured, forwarded } = this;
    const now = this.ports.clock.now();
    const seconds = Math.max((now - measured.atMs) / 1000, 0.001);
    this.measured = { atMs: now, ...forwarded };
    const parts = [
      paths.size / limits.paths,
      this.crew?.load ?? 0,
      (forwarded.bytes - measured.bytes) / seconds / limits.capacityBytesPerSecond,
      (forwarded.packets - measured.packets) / seconds / limits.capacityPacketsPerSecond,
    ];
    return Math.min(1, Math.max(...parts));
  }

  /** For paths that exist too. What is not given is as by default. */
  changeLimits(limits: Partial<RelayLimits>): void {
    Object.assign(this.limits, DEFAULT_RELAY_LIMITS, limits);
    this.crew?.limitsChanged();
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    if (datagram[0] !== RELAY_MAGIC) {
      return isStun(datagram) ? this.stun.receive(datagram, from) : this.signalling.receive(datagram, from);
    }
    const drop = this.paths.table.forward(datagram, from);
    if (drop === undefined) return this.traceHandshake(datagram);
    if (drop === 'unknown path' || drop === 'unbound source') this.hint(datagram, from);
  }

  /** Whoever came over it binds again by another, perhaps: until then nothing is sent to this one, or its successor. */
  streamEnded(from: Endpoint): void {
    for (const { path, side } of this.overStreams.get(from) ?? []) {
      if (path.sides[side] === from) this.paths.unbind(path, side);
    }
    this.overStreams.delete(from);
  }

  /** Others read its sockets too from now on: `busy`, see RelayWorkerPorts. */
  withCrew(busy: () => number): RelayCrew {
    const { limits, paths } = this;
    const { clock, timers, trace } = this.ports;
    const receive = (datagram: Uint8Array, from: Endpoint): void => this.receive(datagram, from);
    const traced = tellsMessages(trace);
    return (this.crew ??= new RelayCrew({ clock, timers, limits, paths, traced, receive, busy }));
  }

  /** Figure 7 steps 29 to 32. */
  private traceHandshake(frame: Uint8Array): void {
    const message = handshakeIn(frame);
    if (!message) return;
    const { name: part } = this.options;
    const received = message === 'Tunnel Request' ? 29 : 31;
    this.ports.trace({ part, event: 'receive', message, figure: 7, step: received });
    this.ports.trace({ part, event: 'send', message, figure: 7, step: received + 1 });
  }

  /**
   * Resolves when every node has gone to another RS, or after `limitMs`. Nodes that took it for dead, as when it was
   * flooded, have gone without release: their paths are not waited for.
   */
  async drain(limitMs: number): Promise<void> {
    this.draining = true;
    const { clock, timers } = this.ports;
    const beginMs = clock.now();
    const isUsed = ({ boundMs }: RelayPath): boolean => clock.now() - Math.max(beginMs, boundMs) < DRAIN_SILENCE_MS;
    while (clock.now() < beginMs + limitMs && [...this.paths].some(isUsed)) {
      for (const path of this.paths) {
        for (const side of path.sides) if (side) this.ports.transmit(relayHint(path.id), side);
      }
      await new Promise<void>((resolve) => void timers.schedule(DRAIN_CHECK_MS, resolve));
    }
  }

  close(): void {
    this.sweepTimer?.cancel();
    this.crew?.close();
    this.signalling.close();
    for (const path of [...this.paths]) this.paths.end(path);
    this.sides.clear();
    this.overStreams.clear();
    this.users.clear();
  }

  private allocate({ owner, keys, nodes = [] }: Body<'relayDirection'>, { peer }: Context<Endpoint>): Message {
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
    this.users.set(path, { peers: [one!, other!], nodes });
    this.sweepLater();
    const body: Body<'relayDirectionAck'> = { pathId: path.id, endpoints: [...this.options.endpoints] };
    if (this.streamEndpoints.length > 0) body.streams = [...this.streamEndpoints];
    return { name: 'relayDirectionAck', body };
  }

  private bind({ peer, from }: Context<Endpoint>): Message {
    const bound = this.sides.get(peer);
    if (!bound) throw new Refused('malformed');
    this.binds += 1;
    this.paths.bind(bound.path, bound.side, from);
    if (from.stream) this.overStreams.set(from, (this.overStreams.get(from) ?? new Set()).add(bound));
    return { name: 'relayBindAck', body: { observed: from, draining: this.draining } };
  }

  /** Nodes find that out as they find any loss, and the DC tells them the rest. */
  private withdraw({ fqdn }: Body<'relayWithdrawal'>, { peer }: Context<Endpoint>): Message {
    if (peer !== this.coordinator) throw new Refused('malformed');
    for (const [path, { nodes }] of [...this.users]) {
      if (nodes.some((node) => node === fqdn || node.endsWith(`.${fqdn}`))) this.end(path);
    }
    return { name: 'relayWithdrawalAck', body: {} };
  }

  private release(peer: Peer): undefined {
    const bound = this.sides.get(peer);
    if (bound && this.paths.unbind(bound.path, bound.side)) this.end(bound.path);
  }

  private end(path: RelayPath): void {
    this.paths.end(path);
    for (const peer of this.users.get(path)?.peers ?? []) {
      const bound = this.sides.get(peer);
      const at = bound && path.sides[bound.side];
      if (at) this.overStreams.get(at)?.delete(bound);
      this.sides.delete(peer);
      this.signalling.removePeer(peer);
    }
    this.users.delete(path);
  }

  private sweepLater(): void {
    this.sweepTimer ??= this.ports.timers.schedule(SWEEP_MS, () => {
      this.sweepTimer = undefined;
      for (const path of this.paths.expired()) this.end(path);
      this.paths.renewQuotas();
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
