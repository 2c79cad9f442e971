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
import type { Clock } from '../../core/runtime';
import { RateLimit } from '../rate-limit';
import type { Acquaintances } from './acquaintances';
import type { EndedSessions } from './ended-sessions';
import type { NotificationService } from './notification-service';
import type { Registered, Registrations, Session } from './registrations';
import type { Sessions } from './sessions';

/** Of one node: as many as its tunnels need at once, and then one in two seconds. */
const CHECKS = { burst: 64, refillMs: 2_000 };

interface Parts {
  readonly registrations: Registrations;
  readonly sessions: Sessions;
  readonly ended: EndedSessions;
  readonly acquaintances: Acquaintances;
  readonly notifications: NotificationService;
  readonly signalling: Signalling<Endpoint>;
  readonly accountServer: { readonly peer: Peer; readonly to: Endpoint };
  readonly clock: Clock;
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
    const { registrations, notifications, sessions } = this.parts;
    const name = canonicalName(fqdn);
    const revoked = registrations.named(name, below);
    for (const session of revoked) {
      const at = session.registration?.observed;
      registrations.forget(session);
      this.tellEnd(session, at, reason);
      void notifications.withdraw(session);
    }
    this.endTunnels(name, below);
    await Promise.all(revoked.map((session) => sessions.keepEnd(session)));
    return { name: 'revocationAck', body: {} };
  }

  /** Those who have met this name, or one below it, are told. */
  endTunnels(fqdn: string, below: boolean): void {
    for (const { about, node } of this.parts.acquaintances.take(fqdn, below)) void this.tellTunnelEnd(node, about);
  }

  /** Another program has the name now. `at`: where the former one was registered. */
  replaced(former: Session, at: Endpoint | undefined): void {
    this.tellEnd(former, at, 'replaced');
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

  private tellEnd({ peer: former }: Session, at: Endpoint | undefined, reason: SessionEndReason): void {
    const peer = this.parts.ended.keep(former, reason);
    if (at) this.tell(peer, at, { name: 'sessionEnd', body: { reason } });
  }

  private async tellTunnelEnd(node: string, fqdn: string): Promise<void> {
    const { registrations, notifications } = this.parts;
    const known = registrations.registered(node);
    if (known?.registration.notified) await notifications.notify(known.session, false); // its NAT may have forgotten us
    const registered = registrations.registered(node);
    if (!registered) return;
    this.tell(registered.session.peer, registered.registration.observed, { name: 'tunnelEnd', body: { fqdn } });
  }

  private tell(peer: Peer, at: Endpoint, message: Message): void {
    this.parts.signalling.request(peer, at, message).catch(() => {}); // as said above
  }
}
