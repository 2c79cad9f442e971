/**
 * The nodes of a DC: their sessions (a key from the AS) and registrations (where they are now).
 *
 *   unknown --key distribution--> keyed --registration request--> registered
 *                                   ^                                 |
 *                                   +--- lifetime over, deregistered, does not answer
 *
 * A new key replaces the session: of two programs with one name, the one that logged in last has it.
 */
import type { Clock } from '../../core/runtime';
import type { Trace } from '../../core/trace';
import { sameEndpoint, type Endpoint, type VirtualAddresses } from '../../core/wire/addresses';
import type { Peer } from '../../core/wire/peers';
import { BoundedMap } from '../bounded-map';
import { isBelow } from '../names';
import type { Situation } from './direction';

const SESSIONS_LIMIT = 100_000;
/** A suspended laptop that wakes up the next day finds its session; after that it logs in again. */
const SESSION_AGE_MS = 7 * 24 * 3_600_000;

export interface Registration {
  readonly addresses: VirtualAddresses;
  readonly host: readonly Endpoint[];
  readonly route: Situation['route'];
  readonly lifetimeMs: number;
  /** The newest authentic source. */
  observed: Endpoint;
  heardMs: number;
  /** The NS serves this node. */
  notified: boolean;
}

export interface Session {
  readonly fqdn: string;
  readonly peer: Peer;
  /** The node's WireGuard static key. */
  readonly publicKey: Uint8Array;
  /** Of the program, when it has said so. */
  readonly instance?: Uint8Array | undefined;
  /** Key between the node and the NS; one per session, so that a second registration does not cut the connection. */
  readonly notificationKey: Uint8Array;
  registration: Registration | undefined;
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
    onEnd: (session: Session) => void,
  ) {
    this.sessions = new BoundedMap(clock, SESSIONS_LIMIT, SESSION_AGE_MS, onEnd);
  }

  /** Nodes with a session, registered or not. */
  get size(): number {
    return this.sessions.size;
  }

  /** The former session ends before there is another: they may have the same key. */
  replace(fqdn: string, session: () => Session): void {
    this.sessions.delete(fqdn);
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
  forget(session: Session, reason: string): void {
    if (this.sessions.get(session.fqdn) !== session) return;
    this.end(session, reason);
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
    if (this.clock.now() - registration.heardMs <= registration.lifetimeMs) return { session, registration };
    this.end(session, 'lifetime over');
    return undefined;
  }

  begin(session: Session, registration: Registration): void {
    session.registration = registration;
    this.sessions.set(session.fqdn, session);
    this.trace({ part: this.part, event: 'state', node: session.fqdn, state: 'registered' });
  }

  end(session: Session, reason: string): void {
    if (!session.registration) return;
    session.registration = undefined;
    this.trace({ part: this.part, event: 'state', node: session.fqdn, state: 'keyed', reason });
  }

  /** An authentic datagram of a registered node arrived. */
  heard({ session, registration }: Registered, from: Endpoint): void {
    registration.heardMs = this.clock.now();
    if (sameEndpoint(registration.observed, from)) return;
    registration.observed = from;
    this.trace({ part: this.part, event: 'moved', node: session.fqdn });
  }
}
