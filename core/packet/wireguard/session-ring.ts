/**
 * The sessions of one tunnel (white paper section 6.3, and wireguard-go's keypairs): packets are sent with `current`;
 * late ones still arrive under `previous`; a responder's new session is `next` until the initiator has used it,
 * because only then does the responder know that the initiator has the keys.
 */
import type { Session } from './session';

export class SessionRing {
  current: Session | undefined;
  private previous: Session | undefined;
  private next: Session | undefined;

  /** `release` is told of every session that is dropped. */
  constructor(private readonly release: (session: Session) => void) {}

  /** As responder, keys were made that the initiator has not used yet. */
  get isUnconfirmed(): boolean {
    return this.next !== undefined;
  }

  install(session: Session): void {
    if (!session.isInitiator) {
      this.drop(this.next);
      this.drop(this.previous);
      this.previous = undefined;
      this.next = session;
      return;
    }
    this.drop(this.previous);
    if (this.next) this.drop(this.current);
    this.previous = this.next ?? this.current;
    this.next = undefined;
    this.current = session;
  }

  /** A packet arrived under `session`. True when that made it the current one. */
  confirm(session: Session): boolean {
    if (session !== this.next) return false;
    this.drop(this.previous);
    this.previous = this.current;
    this.current = session;
    this.next = undefined;
    return true;
  }

  clear(): void {
    for (const session of [this.current, this.previous, this.next]) this.drop(session);
    this.current = this.previous = this.next = undefined;
  }

  private drop(session: Session | undefined): void {
    if (!session) return;
    session.destroy();
    this.release(session);
  }
}
