/** How often something has to be sent so that the NAT in between keeps its mapping (mapping-lifetime.ts). */
export class KeepAlive {
  /** Milliseconds; undefined: as usual. */
  intervalMs: number | undefined;
  private readonly told: (() => void)[] = [];

  onChange(tell: () => void): void {
    this.told.push(tell);
  }

  set(intervalMs: number | undefined): void {
    if (intervalMs === this.intervalMs) return;
    this.intervalMs = intervalMs;
    for (const tell of this.told) tell();
  }
}
