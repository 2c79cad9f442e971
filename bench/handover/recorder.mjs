/** When bytes arrived, and the longest gap between successive arrivals. Times are milliseconds of this machine's clock. */

/** More than ten minutes of what arrives each 10 ms. */
const LIMIT = 100_000;

/** One clock for all processes of the bench, and steady within each. */
export const now = () => performance.timeOrigin + performance.now();

export class Recorder {
  #arrivals = [];

  arrived() {
    if (this.#arrivals.length === LIMIT) this.#arrivals = this.#arrivals.slice(LIMIT / 2);
    this.#arrivals.push(now());
  }

  /**
   * Of the gaps that have some of the time `fromMs` to `untilMs` in them, the longest. A gap that is open at `untilMs`
   * counts until then. `lastMs`: the last arrival of all, undefined if there was none.
   */
  longestGap(fromMs, untilMs = now()) {
    const times = this.#arrivals;
    let next = times.length;
    while (next > 0 && times[next - 1] > fromMs) next--;
    const longest = { gapMs: 0, sinceMs: fromMs, untilMs: fromMs };
    for (let since = times[next - 1] ?? fromMs; since < untilMs; next++) {
      const end = Math.min(times[next] ?? untilMs, Math.max(untilMs, since));
      if (end - since > longest.gapMs) Object.assign(longest, { gapMs: end - since, sinceMs: since, untilMs: end });
      if (next >= times.length) break;
      since = times[next];
    }
    return { ...longest, lastMs: times.at(-1) };
  }
}
