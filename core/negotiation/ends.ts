/**
 * Ends that the DC tells of: of this node's session, and of tunnels with correspondent nodes that are out of the
 * network. A DC that was restarted may not know whom it introduced; so it is asked now and then (Tunnel Check).
 * A DC that does not answer ends nothing: tunnels go on without servers.
 */
import { NtmError } from '../errors';
import type { Random, Timer, Timers } from '../runtime';
import { CHECKED_LIMIT } from '../wire/account-messages';
import type { Endpoint } from '../wire/addresses';
import type { Body } from '../wire/messages';
import { canonicalName } from '../wire/names';
import type { Peer } from '../wire/peers';
import type { SessionEndReason } from '../wire/refusals';
import type { Signalling } from '../wire/signalling';

/** On average; each wait is half as long to one and a half times. */
const CHECK_MS = 600_000;

type Correspondents = Body<'tunnelCheck'>['correspondents'];

export interface EndsOptions {
  readonly signalling: Signalling<Endpoint>;
  readonly timers: Timers;
  readonly random: Random;
  membership(): {
    /** The DC at which this node is registered now; undefined while it is not. */
    coordinator(): { peer: Peer; endpoint: Endpoint } | undefined;
    ended(coordinator: Peer, reason: SessionEndReason): void;
  };
  correspondents(): {
    /** With whom there are tunnels. */
    withTunnels(): Correspondents;
    end(fqdn: string, error: NtmError): void;
  };
}

export class Ends {
  private timer: Timer | undefined;
  private closed = false;

  constructor(private readonly options: EndsOptions) {
    const { signalling, membership } = options;
    signalling.handle('sessionEnd', ({ reason }, { peer, afterAnswer }) => {
      if (peer.party !== 'dc') return undefined;
      afterAnswer(() => membership().ended(peer, reason)); // which forgets the key
      return { name: 'sessionEndAck', body: {} };
    });
    signalling.handle('tunnelEnd', ({ fqdn }, { peer }) => {
      if (peer.party !== 'dc') return undefined;
      this.endTunnel(fqdn);
      return { name: 'tunnelEndAck', body: {} };
    });
  }

  /** From now on the DC is asked. */
  start(): void {
    if (this.closed || this.timer) return;
    const [byte = 0] = this.options.random.bytes(1);
    this.timer = this.options.timers.schedule(CHECK_MS * (0.5 + byte / 256), () => {
      this.timer = undefined;
      void this.check().finally(() => this.start());
    });
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
  }

  private async check(): Promise<void> {
    const all = this.options.correspondents().withTunnels();
    for (let i = 0; i < all.length && !this.closed; i += CHECKED_LIMIT) {
      for (const fqdn of await this.ask(all.slice(i, i + CHECKED_LIMIT))) this.endTunnel(fqdn);
    }
  }

  private async ask(correspondents: Correspondents): Promise<readonly string[]> {
    const { signalling, membership } = this.options;
    const to = membership().coordinator();
    if (!to) return [];
    try {
      const message = { name: 'tunnelCheck', body: { correspondents } } as const;
      const answer = await signalling.request(to.peer, to.endpoint, message);
      return answer.name === 'tunnelCheckAck' ? answer.body.ended : [];
    } catch {
      return [];
    }
  }

  private endTunnel(fqdn: string): void {
    const error = new NtmError('NTM_NODE_REVOKED', `${fqdn} was put out of the network by its operator`);
    this.options.correspondents().end(canonicalName(fqdn), error);
  }
}
