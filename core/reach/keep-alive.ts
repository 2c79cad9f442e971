/** How often something has to be sent so that the NAT in between keeps its mapping (mapping-lifetime.ts). */
export class KeepAlive {
  /** Milliseconds; undefined: as usual. */
  intervalMs: number | undefined;
  private readonly told: ((intervalMs: number | undefined) => void)[] = [];

  onChange(tell: (intervalMs: number | undefined) => void): void {
    this.told.push(tell);
  }

  set(intervalMs: number | undefined): void {
    if (intervalMs === this.intervalMs) return;
    this.intervalMs = intervalMs;
    for (const tell of this.told) tell(intervalMs);
  }
}
