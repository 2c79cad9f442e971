/** How often what stands by is asked: paths by other interfaces, and relay servers by them. */
import { backOff } from '../../back-off';

/** A NAT keeps its mapping for so long. */
export const HOLD_MS = 10_000;
const AGAIN_MS = { first: 500, limit: 60_000 };

/** What has not answered so many times is asked again after so long: twice as late after each time. */
export function againMs(tries: number): number {
  return backOff(AGAIN_MS, Math.max(0, tries - 1));
}
