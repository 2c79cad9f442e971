/** A movement: where two hosts are at first, and how they move. One file for each in test/lab/handover/. */
import type { MobileHost } from './mobile-host';

export interface World {
  /** The mobile node, which dials. */
  readonly mn: MobileHost;
  /** The correspondent node. */
  readonly cn: MobileHost;
  /** For labs that have less time: 1, or less than that. */
  readonly share: number;
  /** Of random movements. */
  readonly seed: number;
  say(line: string): void;
}

export interface Movement {
  readonly name: string;
  readonly about: string;
  /** The networks that each has joined at first. */
  readonly mn: readonly string[];
  readonly cn: readonly string[];
  /** Returns how many moves there were. */
  move(world: World): Promise<number>;
}

/** Between moves: whatever a move disturbs is over by then. */
const STAY_MS = 2_000;

export const stay = (ms = STAY_MS): Promise<void> => new Promise((over) => setTimeout(over, ms));

/** To and fro `times`, each time after a stay. */
export async function toAndFro(times: number, there: () => void, back: () => void, stayMs = STAY_MS): Promise<number> {
  for (let i = 0; i < times; i++) {
    await stay(stayMs);
    if (i % 2 === 0) there();
    else back();
  }
  await stay(stayMs);
  return times;
}
