/**
 * The nodes of this DC's zone as correspondent nodes: what is known of one (Figure 5 step 7), and how it is told that
 * a tunnel is coming (steps 9 to 13). For a node of the same DC and for another DC alike.
 *
 * Whether CN is there is for its UDP to say. The NS's word alone is not enough: after a restart of the NS, or of a NAT,
 * every TCP connection is gone and all nodes are well. But it is a reason to wait less: a killed process loses its
 * TCP connection at once, and nobody should wait seconds to hear so. Who has not lost it may be busy, or its host: MN is
 * told `node-busy` meanwhile, and asks again, as it is while the node starts.
 *
 * A node that sleeps, and that the NS can push to, takes many seconds to wake up. MN is told `node-waking` meanwhile,
 * and asks again.
 */
import type { Clock, Timers } from '../../core/runtime';
import { sameEndpoint, type Endpoint } from '../../core/wire/addresses';
import type { Body, Message } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import type { Signalling } from '../../core/wire/signalling';
import { within } from '../../core/wire/within';
import type { Introductions } from './introductions';
import type { NameCheck } from './name-check';
import type { Permissions } from './permissions';
import type { NotificationService } from './notification-service';
import type { Registered, Registrations } from './registrations';
import type { Wakings } from './wakings';

/** Three tries of a request. With the wait for a notification, less than MN waits for its answer. */
const ANSWER_MS = 1_750;
/** Two tries: for a node that has lost its connection to the NS. */
const DOUBTFUL_ANSWER_MS = 750;
/** The node was told, and need not be woken. */
const SETTLED: Woken = { answerMs: ANSWER_MS, isPushed: false, isGone: false };
/** A node that nothing says is gone is taken to be busy for so long after the first direction that it has not answered. */
const BUSY_MS = 10_000;

/** From a node's Notification Ack to its answer to what it was told beside. */
const WOKEN_MS = 15;

/** NATs keep a mapping this long after a node's last datagram: it sends its keep alives a little more often. */
const MAPPING_MS = 28_000;

interface Woken {
  /** How long CN's answer to the Route Direction shall be waited for. */
  readonly answerMs: number;
  readonly isPushed: boolean;
  /** The NS says so. */
  readonly isGone: boolean;
}

export type Information = Body<'ntmInformationResponse'>;

/** MN, as a correspondent node's DC sees it. */
export interface Asker {
  readonly fqdn: string;
  /** WireGuard static key. */
  readonly publicKey: Uint8Array;
  readonly zone: string;
}

/** Of a direction. */
export interface Circumstances {
  /** MN's. */
  readonly mnZone: string;
  /** See Message. */
  readonly handover: boolean;
}

/** Where correspondent nodes are asked about, and told: in this DC's zone, or in another's. */
export interface CorrespondentSide {
  readonly zone: string;
  /** Throws Refused: no-such-name, not-allowed, node-absent, node-busy, node-waking. */
  information(target: string, from: Asker, handover: boolean): Promise<Information>;
  /** Where CN is now. Throws Refused: not-allowed, node-absent, node-unreachable, node-busy, node-waking. */
  direct(fqdn: string, direction: Body<'routeDirection'>, why: Circumstances): Promise<Endpoint>;
}

/** A node that was sent a Route Direction. */
interface Told {
  readonly cn: Registered;
  readonly body: Body<'routeDirection'>;
  readonly handover: boolean;
  readonly answer: Promise<Message>;
}

interface Parts {
  readonly registrations: Registrations;
  readonly notifications: NotificationService;
  readonly signalling: Signalling<Endpoint>;
  readonly names: NameCheck;
  readonly introductions: Introductions;
  readonly permissions: Permissions;
  readonly zone: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly wakings: Wakings;
}

export class Residents implements CorrespondentSide {
  constructor(private readonly parts: Parts) {}

  get zone(): string {
    return this.parts.zone;
  }

  async information(target: string, from: Asker): Promise<Information> {
    const { registrations, names, introductions, permissions } = this.parts;
    const fqdn = await names.nameOf(target);
    // Before anything else: whether a node is there is nobody's business who may not reach it.
    await this.refuseForbidden(fqdn, permissions.of(fqdn, from.fqdn, from.zone), from.fqdn);
    const cn = registrations.registered(fqdn) ?? (await this.started(fqdn));
    if (!cn) throw await this.absent(fqdn);
    const { addresses, observed, host, route, reach } = cn.registration;
    const { publicKey } = cn.session;
    const presharedKey = introductions.presharedKey(from.publicKey, publicKey);
    return { fqdn, publicKey, addresses, observed, host: [...host], route, presharedKey, ...(reach && { reach }) };
  }

  async direct(
    fqdn: string,
    direction: Body<'routeDirection'>,
    { mnZone, handover }: Circumstances,
  ): Promise<Endpoint> {
    const { registrations, permissions, clock } = this.parts;
    const begunMs = clock.now();
    const mn = direction.correspondent.fqdn;
    const permits = permissions.tell(fqdn, mn, mnZone);
    await this.refuseForbidden(fqdn, permits, mn);
    const { permits: _, ...rest } = direction; // another DC has no say here
    const body = { ...rest, ...(permits && { permits: [...permits] }) };
    const waking = this.wake(fqdn, handover);
    const early = this.tellBeside(fqdn, body, handover);
    const outcome = await (early ? Promise.race([waking, early.settled]) : waking);
    const cn = registrations.registered(fqdn);
    if (!cn) throw await this.absent(fqdn);
    const { session, registration } = cn;
    const isThere = early?.peer === session.peer && sameEndpoint(early.to, registration.observed);
    if (isThere && outcome !== SETTLED) this.hurry(session.peer, early.answer);
    const answer = isThere ? early.answer : this.tell(cn, body, handover);
    const told = { cn, body, handover, answer };
    let answeredFrom: Endpoint | undefined;
    try {
      answeredFrom = await this.whereAnswered(told, outcome.answerMs);
    } catch (error) {
      if (error instanceof Refused) throw new Refused('node-unreachable', registration.addresses);
    }
    if (!answeredFrom) throw this.unanswered(cn, begunMs, outcome);
    delete registration.silentSinceMs;
    return answeredFrom;
  }

  /** What MN is told of a node that has not answered a direction. */
  private unanswered({ session, registration }: Registered, begunMs: number, { isPushed, isGone }: Woken): Refused {
    const { registrations, clock } = this.parts;
    const { addresses, silentSinceMs = begunMs, heardMs } = registration;
    const now = registrations.registered(session.fqdn);
    // It has registered meanwhile, and is directed there.
    if (now && now.registration !== registration) return new Refused('node-busy', addresses);
    const sinceMs = silentSinceMs < heardMs ? begunMs : silentSinceMs;
    registration.silentSinceMs = sinceMs;
    if (!isGone && !isPushed && clock.now() - sinceMs < BUSY_MS) return new Refused('node-busy', addresses);
    registrations.end(session, 'does not answer');
    return new Refused(isPushed ? 'node-waking' : 'node-absent', addresses);
  }

  /** The NS could not push to this node after all. */
  cannotBeWoken(fqdn: string, notificationServer: string): void {
    const session = this.parts.registrations.asleep(fqdn);
    if (session?.notificationServer !== notificationServer) return;
    this.parts.registrations.giveUp(session);
    this.parts.wakings.ended(fqdn);
  }

  private async refuseForbidden(fqdn: string, permits: readonly string[] | undefined, from: string): Promise<void> {
    if (permits?.length !== 0 || fqdn === from) return;
    throw new Refused('not-allowed', await this.parts.names.addressesOf(fqdn));
  }

  /**
   * Step 12 at the same time as 9, where CN was heard of so lately that its NAT lets it in without being woken up. The
   * notification goes out all the same: should the NAT have forgotten CN, or CN have moved, the direction arrives by it.
   */
  private tellBeside(fqdn: string, body: Body<'routeDirection'>, handover: boolean) {
    const cn = this.parts.registrations.registered(fqdn);
    if (!cn?.registration.notified || this.parts.clock.now() - cn.registration.heardMs > MAPPING_MS) return undefined;
    const answer = this.tell(cn, body, handover);
    const settled = answer.then(
      () => SETTLED,
      () => SETTLED,
    );
    return { peer: cn.session.peer, to: cn.registration.observed, answer, settled };
  }

  /** CN may move in this very moment: as soon as it registers it is told once more, there. Rejects with Refused. */
  private async whereAnswered({ cn, body, handover, answer }: Told, limitMs: number): Promise<Endpoint | undefined> {
    const { registrations, wakings, timers } = this.parts;
    const { fqdn } = cn.session;
    const { observed } = cn.registration;
    let forget = (): void => {};
    const elsewhere = new Promise<Endpoint>((resolve) => {
      forget = wakings.next(fqdn, () => {
        const moved = registrations.registered(fqdn);
        const to = moved?.registration.observed;
        if (!to || sameEndpoint(to, observed)) return;
        this.tell(moved, body, handover).then(
          () => resolve(to),
          () => {}, // the first one's outcome counts
        );
      });
    });
    try {
      return await within(timers, limitMs, Promise.race([answer.then(() => observed), elsewhere]));
    } finally {
      forget();
    }
  }

  /** It was woken, and its NAT had forgotten it, it seems: that lets in now what did not arrive before. */
  private hurry(peer: Peer, answer: Promise<unknown>): void {
    const { timers, signalling } = this.parts;
    const timer = timers.schedule(WOKEN_MS, () => signalling.hurry(0, peer));
    const cancel = (): void => timer.cancel();
    answer.then(cancel, cancel);
  }

  private tell({ session, registration }: Registered, body: Body<'routeDirection'>, handover: boolean) {
    const message: Message = { name: 'routeDirection', body, handover };
    return this.parts.signalling.request(session.peer, registration.observed, message);
  }

  /** Steps 9 to 11. A node that starts has perhaps not come to the NS yet. */
  private async wake(fqdn: string, handover: boolean): Promise<Woken> {
    const { registrations, notifications } = this.parts;
    const cn = registrations.registered(fqdn);
    const outcome = cn?.registration.notified ? await notifications.notify(cn.session, handover) : 'silent';
    if (outcome === 'acknowledged') registrations.hasStarted(fqdn);
    const isPushed = outcome === 'pushed';
    const isGone = outcome === 'not connected' && !registrations.isStarting(fqdn);
    return { answerMs: isPushed || isGone ? DOUBTFUL_ANSWER_MS : ANSWER_MS, isPushed, isGone };
  }

  /** A program that has just logged in registers in a moment. */
  private async started(fqdn: string): Promise<Registered | undefined> {
    const { registrations, wakings } = this.parts;
    if (registrations.isJoining(fqdn)) await wakings.wait(fqdn);
    return registrations.registered(fqdn);
  }

  /** Why a node that is not registered cannot be reached now. Perhaps the NS can wake it up. */
  private async absent(fqdn: string): Promise<Refused> {
    const { registrations, notifications, wakings, names } = this.parts;
    const session = registrations.asleep(fqdn);
    const outcome = session && (await notifications.rouse(session));
    if (outcome === 'pushed') await wakings.wait(fqdn);
    else if (session && outcome === 'not connected') registrations.giveUp(session);
    if (registrations.isJoining(fqdn)) return new Refused('node-busy', await names.addressesOf(fqdn));
    const isWaking = registrations.registered(fqdn) ?? (outcome === 'pushed' && registrations.asleep(fqdn));
    return new Refused(isWaking ? 'node-waking' : 'node-absent', await names.addressesOf(fqdn));
  }
}
