/**
 * The workers of an RS as its main process sees them (relay-worker.ts is the other side). They share its sockets, and
 * the kernel gives a datagram to whichever process reads first: so each has a copy of every path, and a path's frames
 * may overtake each other where several processes read. As few read as the load needs, therefore: the main process
 * always, and one more when all who read are busy.
 *
 *   joined, resting -- all who read are busy --> reading -- the others could do it --> resting
 *          '--- silent for SILENT_MS, or its process ended --> left: the host starts another
 */
import type { Clock, Timer, Timers } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import type { RelayPath, RelayPaths } from './relay-paths';
import type { RelayDrop, TableLimits } from './relay-table';
import { EXCHANGE_MS, type CopiedPath, type FromWorker, type ToWorker, type WorkerReport } from './worker-messages';

/** On average, of those who read. */
const BUSY = 0.75;
/** What the others would be at most when one rests. */
const STILL_EASY = 0.5;
/** So long one or the other must last. */
const STARTS_AFTER = 3;
const RESTS_AFTER = 50;
const SILENT_MS = 10_000;
const PATHS_IN_MESSAGE = 1_000;

/** `read` comes with sockets, and so from the host. */
type Told = Exclude<ToWorker, { kind: 'read' }>;

/** A worker process as the host gives it. */
export interface WorkerLink {
  tell(message: Told): void;
  /** Gives it the sockets. */
  read(): void;
  kill(): void;
}

export interface CrewOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly limits: TableLimits;
  readonly paths: RelayPaths;
  /** The main process traces messages. */
  readonly traced: boolean;
  receive(datagram: Uint8Array, from: Endpoint): void;
  /** Of the main process: see RelayWorkerPorts. */
  busy(): number;
}

export interface Member {
  readonly link: WorkerLink;
  reading: boolean;
  report: WorkerReport;
  heardMs: number;
}

const NOTHING: WorkerReport = { packets: 0, bytes: 0, drops: [], spent: [], busy: 0 };

export class RelayCrew {
  readonly members = new Set<Member>();
  /** Workers that ended by themselves, or had to be. */
  lost = 0;
  /** Of the main process. */
  busy = 0;
  /** What workers that have left had counted. */
  private readonly past = { packets: 0, bytes: 0, drops: new Map<RelayDrop, number>() };
  private timer: Timer | undefined;
  private busyRounds = 0;
  private easyRounds = 0;

  constructor(private readonly options: CrewOptions) {
    options.paths.onChange = (path, what) => this.tellReaders(changeOf(path, what));
    options.paths.table.untold = [];
    this.schedule();
  }

  /** A new process: it rests, and is told nothing until it reads. */
  join(link: WorkerLink): Member {
    const member: Member = { link, reading: false, report: NOTHING, heardMs: this.options.clock.now() };
    this.members.add(member);
    return member;
  }

  heard(member: Member, message: FromWorker): void {
    if (message.kind === 'unplaced') return this.options.receive(message.datagram, message.from);
    member.heardMs = this.options.clock.now();
    member.report = message;
    const { spent } = message;
    if (spent.length === 0) return;
    this.options.paths.table.spentElsewhere(spent);
    this.tellReaders({ kind: 'spent', spent }, member);
  }

  /** Its process has ended. */
  left(member: Member): void {
    if (!this.members.delete(member)) return;
    this.lost += 1;
    this.past.packets += member.report.packets;
    this.past.bytes += member.report.bytes;
    addTo(this.past.drops, member.report.drops);
  }

  limitsChanged(): void {
    this.tellReaders({ kind: 'limits', limits: this.tableLimits });
  }

  /** By all processes. */
  get forwarded(): { packets: number; bytes: number } {
    const { table } = this.options.paths;
    const reports = [this.past, ...[...this.members].map(({ report }) => report)];
    return {
      packets: reports.reduce((sum, { packets }) => sum + packets, table.forwardedPackets),
      bytes: reports.reduce((sum, { bytes }) => sum + bytes, table.forwardedBytes),
    };
  }

  get forwardedByMain(): number {
    return this.options.paths.table.forwardedPackets;
  }

  get drops(): Map<RelayDrop, number> {
    const all = new Map(this.options.paths.table.drops);
    for (const { drops } of [this.past, ...[...this.members].map(({ report }) => report)]) addTo(all, drops);
    return all;
  }

  /** Of all processes that could read, 0 to 1. */
  get load(): number {
    const busy = this.readers.reduce((sum, { report }) => sum + report.busy, this.busy);
    return Math.min(1, busy / (this.members.size + 1));
  }

  get readers(): Member[] {
    return [...this.members].filter(({ reading }) => reading);
  }

  close(): void {
    this.timer?.cancel();
    this.options.paths.onChange = () => {};
  }

  private schedule(): void {
    this.timer = this.options.timers.schedule(EXCHANGE_MS, () => {
      this.exchange();
      this.schedule();
    });
  }

  private exchange(): void {
    const { paths, clock, busy } = this.options;
    this.busy = busy();
    const spent = paths.table.takeUntold();
    if (spent.length > 0) this.tellReaders({ kind: 'spent', spent });
    for (const member of this.members) {
      if (clock.now() - member.heardMs <= SILENT_MS) continue;
      member.heardMs = clock.now();
      member.link.kill();
    }
    this.chooseReaders();
  }

  private chooseReaders(): void {
    const { readers } = this;
    const busy = readers.reduce((sum, { report }) => sum + report.busy, this.busy);
    this.busyRounds = busy > BUSY * (readers.length + 1) ? this.busyRounds + 1 : 0;
    this.easyRounds = busy < STILL_EASY * readers.length ? this.easyRounds + 1 : 0;
    const resting = [...this.members].find(({ reading }) => !reading);
    if (this.busyRounds >= STARTS_AFTER && resting) {
      this.startReading(resting);
      this.busyRounds = 0;
    } else if (this.easyRounds >= RESTS_AFTER) {
      const last = readers.at(-1)!;
      last.reading = false;
      last.link.tell({ kind: 'rest' });
      this.easyRounds = 0;
    }
  }

  private startReading(member: Member): void {
    const { traced } = this.options;
    member.link.tell({ kind: 'begin', limits: this.tableLimits, traced });
    const all = [...this.options.paths].filter((path) => !isOnStream(path)).map(copyOf);
    for (let i = 0; i < all.length; i += PATHS_IN_MESSAGE) {
      member.link.tell({ kind: 'set', paths: all.slice(i, i + PATHS_IN_MESSAGE) });
    }
    member.reading = true;
    member.link.read();
  }

  private get tableLimits(): TableLimits {
    const { bytesPerSecond, quotaBytes } = this.options.limits;
    return { bytesPerSecond, quotaBytes };
  }

  private tellReaders(message: Told, but?: Member): void {
    for (const member of this.members) if (member.reading && member !== but) member.link.tell(message);
  }
}

/** TLS connections are the main process's: workers know no such path, and give its frames to that. */
function isOnStream({ sides: [first, second] }: RelayPath): boolean {
  return first?.stream === true || second?.stream === true;
}

function changeOf(path: RelayPath, what: 'set' | 'ended'): Told {
  return what === 'set' && !isOnStream(path)
    ? { kind: 'set', paths: [copyOf(path)] }
    : { kind: 'ended', pathId: path.id };
}

function copyOf({ id, owner, sides: [first, second] }: RelayPath): CopiedPath {
  return { id, owner: owner.name, ownerUsedBytes: owner.usedBytes, sides: [first, second] };
}

function addTo(sums: Map<RelayDrop, number>, drops: Iterable<readonly [RelayDrop, number]>): void {
  for (const [reason, count] of drops) sums.set(reason, (sums.get(reason) ?? 0) + count);
}
