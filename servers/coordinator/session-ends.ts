/**
 * How sessions of nodes are ended from outside: by the AS (Revocation), or by another program that logs in with the
 * name. The node is told; and when it is out of the network, so are the nodes that were introduced to it, who then
 * know no tunnel with it: whatever it does, nobody answers it.
 *
 * Telling is retransmitted for some seconds and not waited for. A node that was away meanwhile finds out by its next
 * message to this DC, and a correspondent node by its next Tunnel Check.
 */
import type { Endpoint } from '../../core/wire/addresses';
import type { Body, Message } from '../../core/wire/messages';
import { canonicalName } from '../../core/wire/names';
import { Refused } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import type { SessionEndReason } from '../../core/wire/refusals';
import type { Context, Signalling } from '../../core/wire/signalling';
import type { Clock, Timers } from '../../core/runtime';
import { within } from '../../core/wire/within';
import { isBelow } from '../names';
import { RateLimit } from '../rate-limit';
import type { Acquaintances } from './acquaintances';
import type { EndedSessions } from './ended-sessions';
import type { NotificationService } from './notification-service';
import type { Registered, Registrations, Session } from './registrations';
import type { Relays } from './relays';
import type { Sessions } from './sessions';

/** Of one node: as many as its tunnels need at once, and then one in two seconds. */
const CHECKS = { burst: 64, refillMs: 2_000 };

/** A node that answers does it in a round trip; for one that does not its peers wait no longer. */
const HEAD_START_MS = 250;

interface Parts {
  readonly zone: string;
  readonly registrations: Registrations;
  readonly sessions: Sessions;
  readonly ended: EndedSessions;
  readonly acquaintances: Acquaintances;
  readonly notifications: NotificationService;
  readonly relays: Relays;
  readonly signalling: Signalling<Endpoint>;
  readonly accountServer: { readonly peer: Peer; readonly to: Endpoint };
  readonly clock: Clock;
  readonly timers: Timers;
}

type Correspondents = Body<'tunnelCheck'>['correspondents'];

export class SessionEnds {
  private readonly checks: RateLimit;

  constructor(private readonly parts: Parts) {
    this.checks = new RateLimit(parts.clock, CHECKS);
  }

  /** The AS ends sessions. Again is as well as once. */
  async revoke({ fqdn, below, reason }: Body<'revocation'>, { peer }: Context<Endpoint>): Promise<Message> {
    if (peer !== this.parts.accountServer.peer) throw new Refused('malformed');
    const { zone, registrations, notifications, sessions, relays, timers } = this.parts;
    const name = canonicalName(fqdn);
    if (name === zone || isBelow(name, zone)) throw new Refused('malformed'); // that would be everybody
    const revoked = registrations.named(name, below);
    const told = revoked.map((session) => {
      const at = session.registration?.observed;
      registrations.forget(session);
      void notifications.withdraw(session);
      return this.tellEnd(session, at, reason);
    });
    await Promise.all(revoked.map((session) => sessions.keepEnd(session)));
    // First the node itself, whose connections then fail with the reason, and not with the resets of the others.
    await within(timers, HEAD_START_MS, Promise.all(told));
    this.endTunnels(name, below);
    if (revoked.length > 0) void relays.releaseOf(name); // those of nodes below it find others
    return { name: 'revocationAck', body: {} };
  }

  /** Those who have met this name, or one below it, are told. */
  endTunnels(fqdn: string, below: boolean): void {
    for (const { about, node } of this.parts.acquaintances.take(fqdn, below)) void this.tellTunnelEnd(node, about);
  }

  /** Another program has the name now. `at`: where the former one was registered. */
  replaced(former: Session, at: Endpoint | undefined): void {
    void this.tellEnd(former, at, 'replaced');
  }

  /** A node asks about those it has tunnels with. */
  async check({ correspondents }: Body<'tunnelCheck'>, { session }: Registered): Promise<Message> {
    if (!this.checks.take(session.fqdn)) throw new Refused('unavailable');
    const { registrations, acquaintances } = this.parts;
    const unsure: Correspondents = [];
    for (const { fqdn, publicKey } of correspondents) {
      const name = canonicalName(fqdn);
      acquaintances.met(session.fqdn, name);
      if (!registrations.holds(name, publicKey)) unsure.push({ fqdn: name, publicKey });
    }
    return { name: 'tunnelCheckAck', body: { ended: unsure.length === 0 ? [] : await this.askAccountServer(unsure) } };
  }

  private async askAccountServer(correspondents: Correspondents): Promise<string[]> {
    const { signalling, accountServer } = this.parts;
    try {
      const request: Message = { name: 'tunnelCheck', body: { correspondents } };
      const answer = await signalling.request(accountServer.peer, accountServer.to, request);
      return answer.name === 'tunnelCheckAck' ? answer.body.ended : [];
    } catch {
      return []; // without the AS, tunnels go on
    }
  }

  private async tellEnd({ peer: former }: Session, at: Endpoint | undefined, reason: SessionEndReason): Promise<void> {
    const peer = this.parts.ended.keep(former, reason);
    if (at) await this.tell(peer, at, { name: 'sessionEnd', body: { reason } });
  }

  private async tellTunnelEnd(node: string, fqdn: string): Promise<void> {
    const { registrations, notifications } = this.parts;
    const known = registrations.registered(node);
    if (known?.registration.notified) await notifications.notify(known.session, false); // its NAT may have forgotten us
    const registered = registrations.registered(node);
    if (!registered) return;
    await this.tell(registered.session.peer, registered.registration.observed, { name: 'tunnelEnd', body: { fqdn } });
  }

  private async tell(peer: Peer, at: Endpoint, message: Message): Promise<void> {
    await this.parts.signalling.request(peer, at, message).catch(() => {}); // as said above
  }
}
