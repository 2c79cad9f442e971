/**
 * The nodes of this DC's zone as correspondent nodes: what is known of one (Figure 5 step 7), and how it is told that
 * a tunnel is coming (steps 9 to 13). For a node of the same DC and for another DC alike.
 *
 * Whether CN is there is for its UDP to say. The NS's word alone is not enough: after a restart of the NS, or of a NAT,
 * every TCP connection is gone and all nodes are well. But it is a reason to wait less: a killed process loses its
 * TCP connection at once, and nobody should wait seconds to hear so.
 */
import type { Timers } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import type { Body, Message } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Signalling } from '../../core/wire/signalling';
import { within } from '../../core/wire/within';
import type { Introductions } from './introductions';
import type { NameCheck } from './name-check';
import type { NotificationService } from './notification-service';
import type { Registrations } from './registrations';

/** Three tries of a request. With the wait for a notification, less than MN waits for its answer. */
const ANSWER_MS = 1_750;
/** Two tries: for a node that has lost its connection to the NS. */
const DOUBTFUL_ANSWER_MS = 750;

export type Information = Body<'ntmInformationResponse'>;

/** MN, as a correspondent node's DC sees it. */
export interface Asker {
  readonly fqdn: string;
  /** WireGuard static key. */
  readonly publicKey: Uint8Array;
}

/** Where correspondent nodes are asked about, and told: in this DC's zone, or in another's. */
export interface CorrespondentSide {
  /** Throws Refused: no-such-name, node-absent. */
  information(target: string, from: Asker, handover: boolean): Promise<Information>;
  /** Where CN is now. Throws Refused: node-absent, node-unreachable. */
  direct(fqdn: string, direction: Body<'routeDirection'>, handover: boolean): Promise<Endpoint>;
}

interface Parts {
  readonly registrations: Registrations;
  readonly notifications: NotificationService;
  readonly signalling: Signalling<Endpoint>;
  readonly names: NameCheck;
  readonly introductions: Introductions;
  readonly timers: Timers;
}

export class Residents implements CorrespondentSide {
  constructor(private readonly parts: Parts) {}

  async information(target: string, from: Asker): Promise<Information> {
    const { registrations, names, introductions } = this.parts;
    const fqdn = await names.nameOf(target);
    const cn = registrations.registered(fqdn);
    if (!cn) throw new Refused('node-absent', await names.addressesOf(fqdn));
    const { addresses, observed, host, route } = cn.registration;
    const { publicKey } = cn.session;
    const presharedKey = introductions.presharedKey(from.publicKey, publicKey);
    return { fqdn, publicKey, addresses, observed, host: [...host], route, presharedKey };
  }

  async direct(fqdn: string, body: Body<'routeDirection'>, handover: boolean): Promise<Endpoint> {
    const { registrations, signalling, timers, names } = this.parts;
    const answerMs = await this.wake(fqdn, handover);
    const cn = registrations.registered(fqdn);
    if (!cn) throw new Refused('node-absent', await names.addressesOf(fqdn));
    const { session, registration } = cn;
    const request = signalling.request(session.peer, registration.observed, { name: 'routeDirection', body, handover });
    let answer: Message | undefined;
    try {
      answer = await within(timers, answerMs, request);
    } catch (error) {
      if (error instanceof Refused) throw new Refused('node-unreachable', registration.addresses);
    }
    if (answer) return registration.observed;
    if (session.registration === registration) registrations.end(session, 'does not answer');
    throw new Refused('node-absent', registration.addresses);
  }

  /** Steps 9 to 11. How long CN's answer to the Route Direction shall be waited for. */
  private async wake(fqdn: string, handover: boolean): Promise<number> {
    const { registrations, notifications } = this.parts;
    const cn = registrations.registered(fqdn);
    if (!cn?.registration.notified) return ANSWER_MS;
    const outcome = await notifications.notify(cn.session, handover);
    return outcome === 'not connected' ? DOUBTFUL_ANSWER_MS : ANSWER_MS;
  }
}
