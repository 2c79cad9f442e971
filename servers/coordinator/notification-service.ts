/**
 * The DC's side of the NS (paper 2.3): Figure 4 steps 10 and 11, Figure 5 steps 9 to 11.
 * A node is notified so that it sends something to the DC, which opens its NAT for what follows.
 *
 * Nodes are spread over the notification servers by what these have free; a node stays where it is for as long as its
 * server is there and does not drain.
 */
import type { Clock, Random, Timer, Timers } from '../../core/runtime';
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
/** An NS that has not answered two tries, in 750 ms, is passed over for another. */
const SERVE_TRIES = 2;
/** From the Notification Request to the node's Notification Ack. */
const NOTIFY_MS = 1_200;
/** The Notification Ack is sent once, and may be lost; another notification brings another. */
const NOTIFY_AGAIN_MS = 400;

/**
 * While a node is connected to the NS its keep alives to the DC have one purpose left: each side finds out in time
 * that the other has forgotten it. So they may be far rarer than a NAT needs them.
 */
export const RESTING_KEEP_ALIVE_MS = 600_000;

/**
 * `pushed`: the node has no connection, and is being woken by a push message; that may take it many seconds.
 * `silent`: the NS or the node did not answer in time, which says nothing about the node's UDP.
 */
export type NotificationOutcome = 'acknowledged' | 'not connected' | 'pushed' | 'silent';

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
  async serve(session: Session, handover: boolean): Promise<Body<'registrationResponse'>['notification']> {
    return (await within(this.ports.timers, SERVE_MS, this.serveBySome(session, handover))) ?? null;
  }

  /** The session is over: a key that nobody has takes the place of its own, which ends the connection. Never rejects. */
  async withdraw(session: Session): Promise<void> {
    const server = this.serverOf(session.notificationServer);
    if (!server) return;
    const body = { fqdn: session.fqdn, key: this.ports.random.bytes(KEY_LENGTH) };
    const message = { name: 'notificationServiceRequest', body } as const;
    await this.signalling.request(server.peer, server.signalling, message).catch(() => {}); // it is gone with the NS
  }

  /** Figure 5 steps 9 to 11. Never rejects. */
  async notify({ fqdn, peer, notificationServer }: Session, handover: boolean): Promise<NotificationOutcome> {
    const server = this.serverOf(notificationServer);
    if (!server) return 'silent';
    const notificationId = this.ports.random.bytes(8);
    const id = hex(notificationId);
    const message = { name: 'notificationRequest', body: { fqdn, notificationId }, handover } as const;
    let again: Timer | undefined;
    const outcome = new Promise<NotificationOutcome>((resolve) => {
      this.waiting.set(id, { peer, acknowledged: () => resolve('acknowledged') });
      const ask = (): void => {
        again = this.ports.timers.schedule(NOTIFY_AGAIN_MS, ask);
        this.signalling
          .request(server.peer, server.signalling, message)
          .then((answer) => {
            if (answer.name !== 'notificationRequestAck' || answer.body.connected) return;
            resolve(answer.body.pushed ? 'pushed' : 'not connected');
          })
          .catch(() => resolve('silent'));
      };
      ask();
    });
    const first = await within(this.ports.timers, NOTIFY_MS, outcome).catch(() => undefined);
    again?.cancel();
    this.waiting.delete(id);
    return first ?? 'silent';
  }

  /**
   * The same of a node that has fallen silent: whether it is being woken by a push message. When it is connected it is
   * notified, too, and will be heard of if it is there.
   */
  async rouse({ fqdn, notificationServer }: Session): Promise<'pushed' | 'notified' | 'not connected' | 'silent'> {
    const server = this.serverOf(notificationServer);
    if (!server) return 'silent';
    const notificationId = this.ports.random.bytes(8);
    const message = { name: 'notificationRequest', body: { fqdn, notificationId } } as const;
    const answer = await this.signalling
      .request(server.peer, server.signalling, message, { tries: SERVE_TRIES })
      .catch(() => undefined);
    if (answer?.name !== 'notificationRequestAck') return 'silent';
    if (answer.body.connected) return 'notified';
    return answer.body.pushed ? 'pushed' : 'not connected';
  }

  acknowledged(peer: Peer, notificationId: Uint8Array): void {
    const waiting = this.waiting.get(hex(notificationId));
    if (waiting?.peer === peer) waiting.acknowledged();
  }

  private serverOf(name: string | undefined): ReportedServer | undefined {
    return this.reports.alive('ns').find(({ peer }) => peer.name === name);
  }

  private async serveBySome(
    session: Session,
    handover: boolean,
  ): Promise<Body<'registrationResponse'>['notification']> {
    const { fqdn, notificationKey: key } = session;
    for (const server of this.candidates(session.notificationServer)) {
      const message = { name: 'notificationServiceRequest', body: { fqdn, key }, handover } as const;
      const answer = await this.signalling
        .request(server.peer, server.signalling, message, { tries: SERVE_TRIES })
        .catch(() => undefined);
      if (answer?.name === 'notificationServiceAck') {
        session.notificationServer = server.peer.name;
        const { endpoints } = answer.body;
        return { endpoints, key, keepAliveMs: RESTING_KEEP_ALIVE_MS };
      }
      this.reports.forget(server.peer.name); // until it reports itself again
    }
    return null;
  }

  /** The one that has the node first; then by chance, the more often the more is free there. */
  private candidates(usual: string | undefined): ReportedServer[] {
    const servers = this.reports.alive('ns').filter(({ draining }) => !draining);
    const rank = new Map(
      servers.map((server) => {
        const [byte = 0] = this.ports.random.bytes(1);
        // Weighted sampling without replacement (Efraimidis and Spirakis 2006).
        return [server, server.peer.name === usual ? 1 : ((byte + 0.5) / 256) ** (1 / Math.max(1 - server.load, 1e-3))];
      }),
    );
    return servers.sort((a, b) => rank.get(b)! - rank.get(a)!);
  }
}
