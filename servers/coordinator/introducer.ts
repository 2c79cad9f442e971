/**
 * Figure 5 with both nodes in this DC's zone, so without steps 3 to 8 and 14, which are between two DCs:
 *
 *   MN                     DC                          NS                 CN
 *    | 2 direction request->| 9 notification request -> | 10 notification ->|
 *    |                      | <------------------- 11 notification ack     |
 *    |                      | 12 route direction ------------------------> |
 *    |                      | <----------------- 13 route direction ack    |
 *    | <-15 route direction |                                              |
 *    | 16 ack ------------> |
 *
 * CN first, so that it is ready when MN starts.
 *
 * Whether CN is there is for its UDP to say. The NS's word alone is not enough: after a restart of the NS, or of a NAT,
 * every TCP connection is gone and all nodes are well. But it is a reason to wait less: a killed process loses its
 * TCP connection at once, and nobody should wait seconds to hear so.
 */
import type { Clock, Random, Timers } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import type { Body, Message } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Signalling } from '../../core/wire/signalling';
import { within } from '../../core/wire/within';
import { chooseDirection, type Situation } from './direction';
import { Introductions } from './introductions';
import type { NameCheck } from './name-check';
import type { NotificationService } from './notification-service';
import type { Registered, Registrations } from './registrations';
import type { RelaySide, Relays } from './relays';

/** Three tries of a request. With the wait for a notification, less than MN waits for its answer. */
const ANSWER_MS = 1_750;
/** Two tries: for a node that has lost its connection to the NS. */
const DOUBTFUL_ANSWER_MS = 750;

interface Parts {
  readonly registrations: Registrations;
  readonly notifications: NotificationService;
  readonly signalling: Signalling<Endpoint>;
  readonly names: NameCheck;
  readonly relays: Relays;
}

/** What one of the two is told of the way to the other. */
interface Way {
  readonly turn: 'request' | 'await';
  readonly endpoints: readonly Endpoint[];
  readonly relay?: RelaySide;
}

export class Introducer {
  private readonly introductions: Introductions;

  constructor(
    private readonly parts: Parts,
    private readonly ports: { readonly clock: Clock; readonly timers: Timers; readonly random: Random },
  ) {
    this.introductions = new Introductions(ports.clock, ports.random);
  }

  /** Steps 2 to 15: what MN is answered. Throws Refused. */
  async direct(mn: Registered, target: string): Promise<Message> {
    const fqdn = await this.parts.names.nameOf(target);
    // A node reaches itself without a tunnel, by its own stack; there is nothing to introduce.
    if (fqdn === mn.session.fqdn) throw new Refused('no-route', mn.registration.addresses);
    const answerMs = await this.wake(fqdn);
    const cn = this.parts.registrations.registered(fqdn);
    if (!cn) throw new Refused('node-absent', await this.parts.names.addressesOf(fqdn));
    const [towardsMn, towardsCn] = this.routeDirections(mn, cn, await this.ways(mn, cn));
    await this.sendToCn(cn, towardsCn, answerMs);
    return { name: 'routeDirection', body: towardsMn };
  }

  /** Steps 9 to 11. How long CN's answer to the Route Direction shall be waited for. */
  private async wake(fqdn: string): Promise<number> {
    const cn = this.parts.registrations.registered(fqdn);
    if (!cn?.registration.notified) return ANSWER_MS;
    const outcome = await this.parts.notifications.notify(cn.session);
    return outcome === 'not connected' ? DOUBTFUL_ANSWER_MS : ANSWER_MS;
  }

  /** Steps 12 and 13. */
  private async sendToCn(
    { session, registration }: Registered,
    body: Body<'routeDirection'>,
    answerMs: number,
  ): Promise<void> {
    const { registrations, signalling } = this.parts;
    const request = signalling.request(session.peer, registration.observed, { name: 'routeDirection', body });
    let answer: Message | undefined;
    try {
      answer = await within(this.ports.timers, answerMs, request);
    } catch (error) {
      if (error instanceof Refused) throw new Refused('node-unreachable', registration.addresses);
    }
    if (answer) return;
    if (session.registration === registration) registrations.end(session, 'does not answer');
    throw new Refused('node-absent', registration.addresses);
  }

  private async ways(mn: Registered, cn: Registered): Promise<[ofMn: Way, ofCn: Way]> {
    const direction = chooseDirection(situation(mn), situation(cn));
    const turn = (side: 'mn' | 'cn', requester: 'mn' | 'cn') => (side === requester ? 'request' : 'await');
    switch (direction.route) {
      case 'direct': {
        const { requester, endpointsOfMn, endpointsOfCn } = direction;
        return [
          { turn: turn('mn', requester), endpoints: endpointsOfCn },
          { turn: turn('cn', requester), endpoints: endpointsOfMn },
        ];
      }
      case 'relay': {
        // CN is told first and binds its side at once; MN's Tunnel Request then finds it bound.
        const [relayOfMn, relayOfCn] = await this.parts.relays.pathFor(mn.session.fqdn, cn.session.fqdn);
        return [
          { turn: 'request', endpoints: [], relay: relayOfMn },
          { turn: 'await', endpoints: [], relay: relayOfCn },
        ];
      }
      default:
        throw new Refused('no-route', cn.registration.addresses);
    }
  }

  private routeDirections(
    mn: Registered,
    cn: Registered,
    [ofMn, ofCn]: [Way, Way],
  ): [towardsMn: Body<'routeDirection'>, towardsCn: Body<'routeDirection'>] {
    const directionId = this.ports.random.bytes(8);
    const presharedKey = this.introductions.presharedKey(mn.session.publicKey, cn.session.publicKey);
    const towards = ({ session, registration }: Registered, { endpoints, ...way }: Way) => ({
      ...{ directionId, presharedKey, ...way, endpoints: [...endpoints] },
      correspondent: { fqdn: session.fqdn, publicKey: session.publicKey, addresses: registration.addresses },
    });
    return [towards(cn, ofMn), towards(mn, ofCn)];
  }
}

function situation({ registration: { observed, host, route } }: Registered): Situation {
  return { observed: [observed], host, route };
}
