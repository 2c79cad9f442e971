/** Datagrams of one flow in one direction. They wait, in order and not too many, while there is no way yet. */

const MOST_WAITING = 64;

export interface OutletOptions {
  /** Undefined when there is a way now. Rejects when there is none. */
  way(): Promise<void> | undefined;
  send(bytes: Uint8Array): void;
  /** Of one that was not sent, by ENOBUFS, or of all that wait. */
  onLost(error: Error & { code?: string }): void;
}

export class Outlet {
  #waiting: Uint8Array[] | undefined;

  constructor(private readonly options: OutletOptions) {}

  /** `bytes` are this object's to keep. */
  send(bytes: Uint8Array): void {
    const { options } = this;
    if (this.#waiting) {
      if (this.#waiting.length < MOST_WAITING) this.#waiting.push(bytes);
      else options.onLost(Object.assign(new Error('too many datagrams wait'), { code: 'ENOBUFS' }));
      return;
    }
    const pending = options.way();
    if (!pending) return options.send(bytes);
    const waiting = (this.#waiting = [bytes]);
    pending.then(
      () => {
        this.#waiting = undefined;
        for (const each of waiting.splice(0)) options.send(each);
      },
      (error: Error) => {
        this.#waiting = undefined;
        if (waiting.length > 0) options.onLost(error);
      },
    );
  }

  /** What waits is forgotten. */
  close(): void {
    if (this.#waiting) this.#waiting.length = 0;
  }
}
