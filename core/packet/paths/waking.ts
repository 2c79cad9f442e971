/**
 * The first packets after a silence. Meanwhile a NAT in between may have forgotten what the path needs, or have been
 * started again, and nobody can know before something is sent. So they go by the relay as well, until the path is heard;
 * and it is given up sooner than one that falls silent while packets flow.
 */
import type { Path } from '../path';

/** Cheap NATs keep a mapping for 30 s, the worst for some seconds. */
const SILENCE_MS = 5_000;
/** So many packets at most. */
const COPIES = 8;

export class Waking {
  private copies = COPIES;

  /** `relay`: one that both nodes hold ready; undefined: there is none, and nobody to go to. */
  constructor(
    readonly sinceMs: number,
    private readonly relay: Path | undefined,
  ) {}

  /** `heardMs`: when something last came by the path that packets take; -Infinity: a new path, which is none of these. */
  static isDue(nowMs: number, heardMs: number): boolean {
    return heardMs > -Infinity && nowMs - heardMs >= SILENCE_MS;
  }

  /** Where the next packet goes, too. */
  copy(): Path | undefined {
    return this.copies-- > 0 ? this.relay : undefined;
  }
}
