/**
 * Packets that take another path, too, while the one in use may be dead. Both carry the same datagram: of two that
 * arrive, the second is a replay.
 */
import type { Path } from '../path';

export interface CopiesLimits {
  readonly packets: number;
  /** Since it was last asked for; not given: until they are used up, or the path is heard. */
  readonly forMs?: number;
}

export class Copies {
  private path: Path | undefined;
  private left = 0;
  private untilMs = -Infinity;
  private beganMs = Infinity;

  begin(path: Path | undefined, nowMs: number, { packets, forMs = Infinity }: CopiesLimits): void {
    this.path = path;
    this.left = packets;
    this.beganMs = nowMs;
    this.untilMs = nowMs + forMs;
  }

  /** As long again, perhaps by a better path. The number of packets stays what it is. */
  goOn(path: Path | undefined, nowMs: number, { forMs = Infinity }: CopiesLimits): void {
    this.path = path ?? this.path;
    this.untilMs = nowMs + forMs;
  }

  /** Where the next packet goes, too. */
  next(nowMs: number): Path | undefined {
    if (!this.path || nowMs >= this.untilMs || this.left === 0) return undefined;
    this.left -= 1;
    return this.path;
  }

  /** How long they have gone on, or would if there were packets; undefined: they do not. */
  ageMs(nowMs: number): number | undefined {
    return nowMs < this.untilMs ? nowMs - this.beganMs : undefined;
  }

  end(): void {
    this.path = undefined;
    this.untilMs = -Infinity;
  }
}
