/** A connection over which a stream of frames, or of anything else, is sent to a server. */
import type { Timers } from '../../core/runtime';
import type { ConnectionEvents, NodeStream } from '../../servers/notification/connections';

export class StreamConnection {
  open = true;
  answers = 0;
  private readonly events: ConnectionEvents;

  constructor(timers: Timers, accept: (stream: NodeStream) => ConnectionEvents | undefined) {
    const close = (): void => {
      if (this.open) timers.schedule(1, () => this.events.ended());
      this.open = false;
    };
    const write = (): void => void (this.answers += 1);
    this.events = accept({ sourceAddress: '198.51.100.7', write, close })!;
  }

  /** In pieces of so many bytes. */
  send(stream: Uint8Array, pieceLength: number): void {
    for (let at = 0; at < stream.length && this.open; at += pieceLength) {
      this.events.bytes(stream.subarray(at, at + pieceLength));
    }
  }
}

/** Whole ones, and whether one is none: by its length, or by its first byte when that is to be one of some. */
export function framesIn(stream: Uint8Array, limit: number, firstBytes?: readonly number[]) {
  const bytes = Buffer.from(stream);
  let frames = 0;
  for (let at = 0; at + 2 <= bytes.length; frames++) {
    const length = bytes.readUInt16BE(at);
    if (length === 0 || length > limit) return { frames, broken: true };
    if (at + 2 + length > bytes.length) break;
    if (firstBytes && !firstBytes.includes(bytes[at + 2]!)) return { frames, broken: true };
    at += 2 + length;
  }
  return { frames, broken: false };
}

/** What comes in one piece with what breaks the framing is lost with it. */
export function leastNoticed({ frames, broken }: ReturnType<typeof framesIn>): number {
  return broken ? 1 : frames;
}
