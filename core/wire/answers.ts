/**
 * Answers that were given, so that a duplicate request is answered again from memory and handled only once.
 * Bounded per peer; a request that fell out of memory is also out of the transaction window's favour.
 */
export const REMEMBERED = 64;

export class Answers {
  private readonly given = new Map<bigint, Uint8Array | 'in progress'>();

  begin(transaction: bigint): void {
    this.given.set(transaction, 'in progress');
    for (const oldest of this.given.keys()) {
      if (this.given.size <= REMEMBERED) break;
      this.given.delete(oldest);
    }
  }

  finish(transaction: bigint, datagram: Uint8Array): void {
    if (this.given.has(transaction)) this.given.set(transaction, datagram);
  }

  /** The datagram to send again; `in progress` and `undefined` mean: stay silent. */
  find(transaction: bigint): Uint8Array | 'in progress' | undefined {
    return this.given.get(transaction);
  }
}
