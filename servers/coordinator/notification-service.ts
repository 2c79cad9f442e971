/**
 * The DC's side of the NS (paper 2.3): Figure 4 steps 10 and 11, Figure 5 steps 9 to 11.
 * A node is notified so that it sends something to the DC, which opens its NAT for what follows.
 */
import type { Clock, Random, Timers } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import { KEY_LENGTH } from '../../core/wire/key-length';
import { hex } from '../../core/wire/keys';
import type { Body } from '../../core/wire/messages';
import type { Peer } from '../../core/wire/peers';
import type { Signalling } from '../../core/wire/signalling';
import { within } from '../../core/wire/within';
import type { ReportedServer, ServerReports } from './server-reports';
import type { Session } from './registrations';

/** A registration goes on without NS after this: its keep alives over UDP suffice. */
const SERVE_MS = 1_000;
/** From the Notification Request to the node's Notification Ack. */
const NOTIFY_MS = 1_000;

/** `silent`: the NS or the node did not answer in time, which says nothing about the node's UDP. */
export type NotificationOutcome = 'acknowledged' | 'not connected' | 'silent';

interface Waiting {
  readonly peer: Peer;
  acknowledged(): void;
}

export class NotificationService {
  private readonly waiting = new Map<string, Waiting>();

  constructor(
    private readonly signalling: Signalling<Endpoint>,
    private readonly reports: ServerReports,
    private readonly ports: { readonly clock: Clock; readonly timers: Timers; readonly random: Random },
  ) {}

  /** Figure 4 steps 10 and 11: where and with which key the node shall register at the NS. */
  async serve({ fqdn, notificationKey: key }: Session): Promise<Body<'registrationResponse'>['notification']> {
    const server = this.server;
    if (!server) return null;
    const request = this.signalling.request(server.peer, server.signalling, {
      name: 'notificationServiceRequest',
      body: { fqdn, key },
    });
    const answer = await within(this.ports.timers, SERVE_MS, request).catch(() => undefined);
    return answer?.name === 'notificationServiceAck' ? { endpoints: answer.body.endpoints, key } : null;
  }

  /** The session is over: a key that nobody has takes the place of its own, which ends the connection. Never rejects. */
  async withdraw(session: Session): Promise<void> {
    await this.serve({ ...session, notificationKey: this.ports.random.bytes(KEY_LENGTH) });
  }

  /** Figure 5 steps 9 to 11. Never rejects. */
  async notify({ fqdn, peer }: Session): Promise<NotificationOutcome> {
    const server = this.server;
    if (!server) return 'silent';
    const notificationId = this.ports.random.bytes(8);
    const id = hex(notificationId);
    const outcome = new Promise<NotificationOutcome>((resolve) => {
      this.waiting.set(id, { peer, acknowledged: () => resolve('acknowledged') });
      this.signalling
        .request(server.peer, server.signalling, { name: 'notificationRequest', body: { fqdn, notificationId } })
        .then((answer) => {
          if (answer.name === 'notificationRequestAck' && !answer.body.connected) resolve('not connected');
        })
        .catch(() => resolve('silent'));
    });
    const first = await within(this.ports.timers, NOTIFY_MS, outcome).catch(() => undefined);
    this.waiting.delete(id);
    return first ?? 'silent';
  }

  acknowledged(peer: Peer, notificationId: Uint8Array): void {
    const waiting = this.waiting.get(hex(notificationId));
    if (waiting?.peer === peer) waiting.acknowledged();
  }

  private get server(): ReportedServer | undefined {
    return this.reports.alive('ns')[0];
  }
}
