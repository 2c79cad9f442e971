/**
 * The nodes of a DC: their sessions (a key from the AS) and registrations (where they are now).
 *
 *   unknown --key distribution--> keyed --registration request--> registered
 *                                   ^                                 |
 *                                   +--- lifetime over, deregistered, does not answer
 *
 * What was known of a node that did not deregister is kept: it may be asleep, and be woken by a push message.
 *
 * A new key replaces the session: of two programs with one name, the one that logged in last has it.
 */
import type { Clock } from '../../core/runtime';
import type { Trace } from '../../core/trace';
import { sameEndpoint, type Endpoint, type VirtualAddresses } from '../../core/wire/addresses';
import type { Peer } from '../../core/wire/peers';
import { BoundedMap } from '../bounded-map';
import { isBelow } from '../names';
import type { Situation } from './candidates';

/** More than the virtual addresses of 198.18.0.0/15. */
const SESSIONS_LIMIT = 150_000;
/** A suspended laptop that wakes up the next day finds its session; after that it logs in again. */
export const SESSION_AGE_MS = 7 * 24 * 3_600_000;
/** From a node's login to its registration, and to its connection to the NS: a program that starts has much to do. */
const STARTING_MS = 5_000;

export interface Registration {
  readonly addresses: VirtualAddresses;
  readonly host: readonly Endpoint[];
  readonly route: Situation['route'];
  /** What the node has found out about itself, where it is. */
  reach?: Situation['reach'];
  lifetimeMs: number;
  /** The newest authentic source. */
  observed: Endpoint;
  heardMs: number;
  /** When the first direction began that it has not answered. If it was heard since then, it counts for nothing. */
  silentSinceMs?: number;
  /** The NS serves this node. */
  notified: boolean;
  /** From before this DC restarted: the node has not registered since. */
  readonly isRestored?: boolean;
}

export interface Session {
  readonly fqdn: string;
  readonly peer: Peer;
  /** The node's WireGuard static key. */
  readonly publicKey: Uint8Array;
  /** Of the program, when it has said so. */
  readonly instance?: Uint8Array | undefined;
  /** When the node logged in, while it may be starting. */
  keyedMs?: number | undefined;
  /** Key between the node and the NS; one per session, so that a second registration does not cut the connection. */
  readonly notificationKey: Uint8Array;
  registration: Registration | undefined;
  /** The last registration, of a node that fell silent. */
  asleep?: Registration | undefined;
  /** The name of the NS that serves it. */
  notificationServer?: string;
}

/** A session with the registration that it had when it was looked up. */
export interface Registered {
  readonly session: Session;
  readonly registration: Registration;
}

export class Registrations {
  private readonly sessions: BoundedMap<string, Session>;

  constructor(
    private readonly clock: Clock,
    private readonly part: string,
    private readonly trace: Trace,
    private readonly on: {
      /** Before another takes its place, or for good. */
      over(session: Session, why: 'replaced' | 'forgotten'): void;
      began(session: Session): void;
      /** The registration is another, or none any more. */
      changed(session: Session): void;
    },
  ) {
    this.sessions = new BoundedMap(clock, SESSIONS_LIMIT, SESSION_AGE_MS, (session) => on.over(session, 'forgotten'));
  }

  /** Nodes with a session, registered or not. */
  get size(): number {
    return this.sessions.size;
  }

  /** The former session ends before there is another: they may have the same key. */
  replace(fqdn: string, session: () => Session): void {
    const former = this.sessions.take(fqdn);
    if (former) this.on.over(former, 'replaced');
    this.sessions.set(fqdn, session());
  }

  session(fqdn: string): Session | undefined {
    return this.sessions.get(fqdn);
  }

  /** The session of a name, and with `below` those of the names below it. */
  named(fqdn: string, below: boolean): Session[] {
    const own = this.sessions.get(fqdn);
    const others = below ? [...this.sessions.values()].filter((session) => isBelow(fqdn, session.fqdn)) : [];
    return own ? [own, ...others] : others;
  }

  /** Whether the session of a name is that of the node with this public key. */
  holds(fqdn: string, publicKey: Uint8Array): boolean {
    const session = this.sessions.get(fqdn);
    return session !== undefined && Buffer.compare(session.publicKey, publicKey) === 0;
  }

  /** The session is over, with its registration. */
  forget(session: Session): void {
    if (this.sessions.get(session.fqdn) !== session) return;
    this.end(session, 'deregistered');
    this.sessions.delete(session.fqdn);
  }

  /** The session of a node, if it is this peer's and not one that was replaced. */
  sessionOf(peer: Peer): Session | undefined {
    const session = this.sessions.get(peer.name);
    return session?.peer === peer ? session : undefined;
  }

  /** The session of a name, if it has a registration that holds now. */
  registered(fqdn: string): Registered | undefined {
    const session = this.sessions.get(fqdn);
    if (!session?.registration) return undefined;
    const { registration } = session;
    if (!this.isOverdue(registration)) return { session, registration };
    this.end(session, 'lifetime over');
    return undefined;
  }

  /** Its program has logged in a moment ago, and perhaps not done all that follows. */
  isStarting(fqdn: string): boolean {
    const keyedMs = this.sessions.get(fqdn)?.keyedMs;
    return keyedMs !== undefined && this.clock.now() - keyedMs < STARTING_MS;
  }

  /** It has done what follows a login: it is connected to the NS. */
  hasStarted(fqdn: string): void {
    const session = this.sessions.get(fqdn);
    if (session) session.keyedMs = undefined;
  }

  /** `isStarting`, and it has yet to register. */
  isJoining(fqdn: string): boolean {
    const session = this.sessions.get(fqdn);
    return !session?.registration && !session?.asleep && this.isStarting(fqdn);
  }

  /** The session of a node that fell silent while the NS served it. */
  asleep(fqdn: string): Session | undefined {
    const session = this.sessions.get(fqdn);
    return session?.asleep?.notified ? session : undefined;
  }

  /** Nothing can wake this node. */
  giveUp(session: Session): void {
    session.asleep = session.keyedMs = undefined;
    this.on.changed(session);
  }

  /** Ends what nobody has asked for since its lifetime was over. Whether somebody is still registered. */
  endOverdue(): boolean {
    let left = false;
    for (const session of this.sessions.values()) {
      if (!session.registration) continue;
      if (this.isOverdue(session.registration)) this.end(session, 'lifetime over');
      else left = true;
    }
    return left;
  }

  begin(session: Session, registration: Registration): void {
    session.registration = registration;
    session.asleep = undefined;
    this.sessions.set(session.fqdn, session);
    this.trace({ part: this.part, event: 'state', node: session.fqdn, state: 'registered' });
    this.on.began(session);
    this.on.changed(session);
  }

  /** The node was taken to be silent, and is heard. */
  revive(session: Session, observed: Endpoint): void {
    const { asleep } = session;
    if (!session.registration && asleep && !asleep.isRestored)
      this.begin(session, { ...asleep, observed, heardMs: this.clock.now() });
  }

  end(session: Session, reason: 'lifetime over' | 'deregistered' | 'does not answer'): void {
    if (reason === 'deregistered') session.asleep = session.keyedMs = undefined;
    if (!session.registration) return;
    if (reason !== 'deregistered') session.asleep = session.registration;
    session.registration = undefined;
    this.on.changed(session);
    this.trace({ part: this.part, event: 'state', node: session.fqdn, state: 'keyed', reason });
  }

  /** An authentic datagram of a registered node arrived. */
  heard({ session, registration }: Registered, from: Endpoint): void {
    registration.heardMs = this.clock.now();
    if (sameEndpoint(registration.observed, from)) return;
    // Until the node has looked at itself anew; behind the same NAT it is seen as before, but for the port.
    if (registration.reach) {
      const { outside: _, ...rest } = registration.reach;
      registration.reach = registration.observed.address === from.address ? rest : {};
    }
    registration.observed = from;
    this.on.changed(session);
    this.trace({ part: this.part, event: 'moved', node: session.fqdn });
  }

  private isOverdue({ heardMs, lifetimeMs }: Registration): boolean {
    return this.clock.now() - heardMs > lifetimeMs;
  }
}
