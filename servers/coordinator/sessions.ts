/**
 * How sessions begin, last and end at a DC: a key of the AS is on disk before it is acknowledged (Figure 4 steps 6 and
 * 7), so that a DC that was killed knows its nodes when it starts again, and where they were.
 *
 * What such a DC restores is believed of the endpoint that a node had: a keep alive of before the crash, replayed from
 * elsewhere, must not move it. A node that comes from elsewhere is asked to register, which cannot be replayed: no
 * transaction id up to the one of the registration on disk is taken.
 */
import type { Clock, Random, Timer, Timers } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import { KEY_LENGTH } from '../../core/wire/key-length';
import { sharedKey } from '../../core/wire/keys';
import type { Body } from '../../core/wire/messages';
import { canonicalName } from '../../core/wire/names';
import { Refused } from '../../core/wire/outcomes';
import type { Signalling } from '../../core/wire/signalling';
import { labelsBelow } from '../names';
import type { SessionStore, StoredLocation, StoredSession } from '../store/session-store';
import { SESSION_AGE_MS, type Registrations, type Session } from './registrations';
import { SessionKeeper } from './session-keeper';

/** Registrations that were over by then are ended, so that a restart does not bring them back. */
const SWEEP_MS = 30_000;

export interface SessionsOptions {
  readonly store: SessionStore;
  readonly zone: string;
  readonly signalling: Signalling<Endpoint>;
  readonly registrations: Registrations;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** Another program has the name now; `at`: where the former one was registered. */
  onReplaced(former: Session, at: Endpoint | undefined): void;
}

export class Sessions {
  private readonly keeper: SessionKeeper;
  /** Running while somebody is registered. */
  private sweeping: Timer | undefined;
  private closed = false;

  constructor(private readonly options: SessionsOptions) {
    this.keeper = new SessionKeeper(options.store, options.zone, options);
  }

  /** Why what happens now may not outlive a crash. */
  get ailment(): string | undefined {
    return this.keeper.failure;
  }

  /** What this DC knew when it ended. Before the first message is received. */
  async restore(): Promise<void> {
    const { store, zone, clock } = this.options;
    const stored = await store.restore(zone, clock.wallTimeMs() - SESSION_AGE_MS);
    for (const session of stored) if (this.isFree(session)) this.revive(session);
    this.sweepLater();
  }

  /** Figure 4 steps 6 and 7. */
  async install({ fqdn, publicKey, key, instance, yielding }: Body<'keyDistribution'>): Promise<void> {
    const { zone, signalling, registrations, clock, random, onReplaced } = this.options;
    const name = canonicalName(fqdn);
    if (!labelsBelow(zone, name) || !this.isFree({ fqdn: name, key })) throw new Refused('malformed');
    if (yielding && registrations.registered(name)) throw new Refused('replaced');
    const notificationKey = random.bytes(KEY_LENGTH);
    const stored = { fqdn: name, publicKey, key, notificationKey, usedMs: clock.wallTimeMs(), location: null };
    await this.keeper.keep(stored);
    if (!this.isFree(stored)) throw new Refused('malformed'); // meanwhile
    const former = registrations.session(name);
    const at = former?.registration?.observed;
    registrations.replace(name, () => {
      const peer = signalling.addPeer({ key: sharedKey(key, 1), party: 'node', name });
      return { fqdn: name, peer, publicKey, instance, notificationKey, keyedMs: clock.now(), registration: undefined };
    });
    if (former && !isSameProgram(former, instance)) onReplaced(former, at);
  }

  /** Where the node is, or that it is registered no more, has changed. */
  changed({ fqdn, peer, registration: current }: Session): void {
    const { registrations, signalling, clock } = this.options;
    if (current) this.sweepLater();
    this.keeper.later(fqdn, () => {
      const session = registrations.sessionOf(peer);
      const location = session ? locationOf(session, signalling.highestOf(peer)) : null;
      return { kind: 'located', fqdn, key: peer.key.key, usedMs: clock.wallTimeMs(), location };
    });
  }

  /** The session was forgotten, not replaced. */
  ended({ fqdn, peer }: Session): void {
    this.keeper.later(fqdn, () => ({ kind: 'ended', fqdn, key: peer.key.key }));
  }

  /** Resolves once it is on disk that the session has ended. */
  keepEnd({ fqdn, peer }: Session): Promise<void> {
    return this.keeper.keepEnd(fqdn, peer.key.key);
  }

  async close(): Promise<void> {
    this.closed = true;
    this.sweeping?.cancel();
    await this.keeper.close();
  }

  /** One node has a key, not two: the end of one session would end the other. */
  private isFree({ fqdn, key }: Pick<StoredSession, 'fqdn' | 'key'>): boolean {
    const holder = this.options.signalling.holderOf(sharedKey(key, 1).id);
    return !holder || (holder.party === 'node' && holder.name === fqdn);
  }

  private revive({ fqdn, key, publicKey, notificationKey, location }: StoredSession): void {
    const { signalling, registrations, clock } = this.options;
    registrations.replace(fqdn, () => {
      const peer = signalling.addPeer({ key: sharedKey(key, 1), party: 'node', name: fqdn }, location?.transaction);
      const session: Session = { fqdn, peer, publicKey, notificationKey, registration: undefined };
      if (!location) return session;
      const { transaction: _, isAsleep, notificationServer, ...known } = location;
      // Heard now: while this DC was away nobody could be heard.
      session[isAsleep ? 'asleep' : 'registration'] = { ...known, heardMs: clock.now(), isRestored: true };
      if (notificationServer !== undefined) session.notificationServer = notificationServer;
      return session;
    });
  }

  private sweepLater(): void {
    if (this.closed) return;
    this.sweeping ??= this.options.timers.schedule(SWEEP_MS, () => {
      this.sweeping = undefined;
      if (this.options.registrations.endOverdue()) this.sweepLater();
    });
  }
}

function locationOf(session: Session, transaction: bigint): StoredLocation | null {
  const { registration, asleep, notificationServer } = session;
  const known = registration ?? (asleep?.notified ? asleep : undefined);
  if (!known) return null;
  const { addresses, host, route, reach, lifetimeMs, observed, notified } = known;
  return {
    ...{ addresses, host, route, lifetimeMs, observed, notified, transaction },
    ...(reach && { reach }),
    ...(notificationServer !== undefined && { notificationServer }),
    ...(!registration && { isAsleep: true }),
  };
}

/** The same one again, whose answer was lost, is not told that another has its name. */
function isSameProgram({ instance: former }: Session, instance: Uint8Array | undefined): boolean {
  return former !== undefined && instance !== undefined && Buffer.compare(former, instance) === 0;
}
