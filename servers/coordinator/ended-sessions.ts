/** Sessions that were ended, and why: their nodes, which may not have heard, are told when they ask for anything. */
import type { Clock } from '../../core/runtime';
import { hex } from '../../core/wire/keys';
import type { Peer } from '../../core/wire/peers';
import type { SessionEndReason } from '../../core/wire/refusals';
import { BoundedMap } from '../bounded-map';

const SESSIONS_LIMIT = 4_096;
/** A node that sleeps for longer hears that its key is unknown, and what the AS says to its next login. */
const AGE_MS = 24 * 3_600_000;

interface Ended {
  readonly peer: Peer;
  readonly reason: SessionEndReason;
}

export class EndedSessions {
  private readonly sessions: BoundedMap<string, Ended>;

  constructor(
    clock: Clock,
    private readonly signalling: { addPeer(peer: Peer): Peer; removePeer(peer: Peer): void },
  ) {
    this.sessions = new BoundedMap(clock, SESSIONS_LIMIT, AGE_MS, ({ peer }) => signalling.removePeer(peer));
  }

  /** The session is over for everything else. The peer to tell it to. */
  keep({ key, party, name }: Peer, reason: SessionEndReason): Peer {
    const peer = this.signalling.addPeer({ key, party, name });
    this.sessions.set(hex(key.id), { peer, reason });
    return peer;
  }

  /** For a request of this peer. */
  refusalOf({ key }: Peer): 'replaced' | 'revoked' | undefined {
    const ended = this.sessions.get(hex(key.id));
    if (!ended) return undefined;
    return ended.reason === 'replaced' ? 'replaced' : 'revoked';
  }
}
