/**
 * Datagrams to cached ports that went into a tunnel: a copy of each is kept until something has come from there, for a
 * correspondent that leaves is not noticed at once. One that is there answers what it gets within 10 s, if only by a
 * keepalive (WireGuard's white paper, section 6.5, "passive keepalive"); where none has come by then the DC is asked.
 *
 *   sent --something comes--> forgotten
 *     '---- silence for SILENT_MS --> DC: there --> forgotten      DC: absent --> stored, as all that follows for a while
 */
import type { Clock, Timer, Timers } from './runtime';
import type { Endpoint } from './wire/addresses';

const SILENT_MS = 15_000;
/** A correspondent that comes back is heard of by what it sends, or after this. */
const AWAY_MS = 10_000;
/** For one correspondent, of which the oldest are forgotten; and correspondents. */
const LIMIT_BYTES = 1 << 18;
const CORRESPONDENTS_LIMIT = 64;

interface Copy {
  readonly sentMs: number;
  readonly bytes: Uint8Array;
  readonly sourcePort: number;
  readonly to: Endpoint;
}

interface Unconfirmed {
  readonly address: string;
  copies: Copy[];
  bytes: number;
  timer: Timer | undefined;
  /** Since when it is known to be absent. */
  awayMs: number | undefined;
}

export interface UnconfirmedOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  /** From this address, through its tunnel. */
  lastReceivedMs(address: string): number | undefined;
  /** Asks the DC. Never rejects. */
  isAbsent(address: string): Promise<boolean>;
  store(bytes: Uint8Array, sourcePort: number, to: Endpoint): void;
}

export class UnconfirmedDatagrams {
  private readonly all = new Map<string, Unconfirmed>();

  constructor(private readonly options: UnconfirmedOptions) {}

  /** True: its correspondent is away, and the datagram is stored in place of being sent. */
  takeInstead(bytes: Uint8Array, sourcePort: number, to: Endpoint): boolean {
    const { clock, store } = this.options;
    const known = this.all.get(to.address);
    if (known?.awayMs === undefined) return false;
    const isBack = this.heardMs(to.address) > known.awayMs;
    if (isBack || clock.now() - known.awayMs > AWAY_MS) {
      this.forget(known);
      return false;
    }
    store(bytes, sourcePort, to);
    return true;
  }

  sent(bytes: Uint8Array, sourcePort: number, to: Endpoint): void {
    const { clock } = this.options;
    const known = this.all.get(to.address) ?? this.remember(to.address);
    known.copies.push({ sentMs: clock.now(), bytes: new Uint8Array(bytes), sourcePort, to });
    known.bytes += bytes.length;
    while (known.bytes > LIMIT_BYTES) known.bytes -= known.copies.shift()!.bytes.length;
    known.timer ??= this.lookLater(known, SILENT_MS);
  }

  close(): void {
    for (const known of [...this.all.values()]) this.forget(known);
  }

  private lookLater(known: Unconfirmed, delayMs: number): Timer {
    return this.options.timers.schedule(delayMs, () => void this.look(known));
  }

  private async look(known: Unconfirmed): Promise<void> {
    const { clock, isAbsent, store } = this.options;
    const heardMs = this.heardMs(known.address);
    known.copies = known.copies.filter(({ sentMs }) => sentMs > heardMs);
    known.bytes = known.copies.reduce((sum, { bytes }) => sum + bytes.length, 0);
    const [oldest] = known.copies;
    if (!oldest) return this.forget(known);
    const silentMs = clock.now() - oldest.sentMs;
    if (silentMs < SILENT_MS) return void (known.timer = this.lookLater(known, SILENT_MS - silentMs));
    const isAway = await isAbsent(known.address);
    if (this.all.get(known.address) !== known) return;
    if (!isAway) return this.forget(known);
    known.awayMs = clock.now();
    known.timer = undefined;
    for (const { bytes, sourcePort, to } of known.copies.splice(0)) store(bytes, sourcePort, to);
    known.bytes = 0;
  }

  private heardMs(address: string): number {
    return this.options.lastReceivedMs(address) ?? -Infinity;
  }

  private remember(address: string): Unconfirmed {
    const [oldest] = this.all.values();
    if (oldest && this.all.size >= CORRESPONDENTS_LIMIT) this.forget(oldest);
    const known = { address, copies: [], bytes: 0, timer: undefined, awayMs: undefined };
    this.all.set(address, known);
    return known;
  }

  private forget(known: Unconfirmed): void {
    known.timer?.cancel();
    this.all.delete(known.address);
  }
}
