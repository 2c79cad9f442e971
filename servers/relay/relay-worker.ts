/**
 * A worker of an RS: forwards frames of the paths that the main process tells it of, from sockets that it shares with
 * that. Whatever else arrives goes to the main process as it is.
 */
import type { Clock, Timer, Timers } from '../../core/runtime';
import type { Endpoint } from '../../core/wire/addresses';
import { handshakeIn, RELAY_MAGIC } from '../../core/wire/relay-frame';
import { RelayTable, type Owner, type TableLimits, type TablePath } from './relay-table';
import { EXCHANGE_MS, type CopiedPath, type FromWorker, type ToWorker } from './worker-messages';

/** Given to the main process and not taken by it yet. */
const UNPLACED_LIMIT = 1_024;

export interface RelayWorkerPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  transmit(datagram: Uint8Array, to: Endpoint): void;
  /** `taken`: the channel has room again. */
  tell(message: FromWorker, taken: () => void): void;
  /** Of the time since this was last asked, what the event loop was busy. */
  busy(): number;
}

/** Forgotten with its last path. */
interface CountedOwner extends Owner {
  paths: number;
}

interface CopyOfPath extends TablePath {
  readonly owner: CountedOwner;
}

export class RelayWorker {
  private readonly table: RelayTable<CopyOfPath>;
  private readonly limits: TableLimits = { bytesPerSecond: 0, quotaBytes: 0 };
  private readonly owners = new Map<string, CountedOwner>();
  private unplaced = 0;
  private traced = false;
  private timer: Timer | undefined;

  constructor(private readonly ports: RelayWorkerPorts) {
    this.table = new RelayTable(ports.clock, this.limits, (frame, to) => ports.transmit(frame, to));
    this.table.untold = [];
    this.exchange();
  }

  /** From the main process; `read` and `rest` are the host's. */
  hear(message: ToWorker): void {
    switch (message.kind) {
      case 'begin':
        return this.begin(message);
      case 'limits':
        return void Object.assign(this.limits, message.limits);
      case 'set':
        return message.paths.forEach((path) => this.set(path));
      case 'ended':
        return this.end(message.pathId);
      case 'spent':
        return this.table.spentElsewhere(message.spent);
      default:
        return;
    }
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    const { table } = this;
    if (datagram[0] === RELAY_MAGIC && !(this.traced && handshakeIn(datagram))) {
      const drop = table.forward(datagram, from);
      if (drop !== 'unknown path' && drop !== 'unbound source') return;
      table.drops.set(drop, table.drops.get(drop)! - 1); // the main process may know better, and counts it if not
    }
    if (this.unplaced >= UNPLACED_LIMIT) return void table.drop('too many unplaced');
    this.unplaced += 1;
    const { address, port } = from;
    this.ports.tell({ kind: 'unplaced', datagram, from: { address, port } }, () => (this.unplaced -= 1));
  }

  close(): void {
    this.timer?.cancel();
  }

  private begin({ limits, traced }: ToWorker & { kind: 'begin' }): void {
    Object.assign(this.limits, limits);
    this.traced = traced;
    for (const path of this.table) this.table.remove(path);
    this.owners.clear();
  }

  private set({ id, owner: name, ownerUsedBytes, sides: [first, second] }: CopiedPath): void {
    const { table } = this;
    const known = table.find(id);
    const owner = known?.owner ?? this.ownerOf(name);
    owner.usedBytes = ownerUsedBytes;
    if (known) {
      known.sides.splice(0, 2, first, second);
      return;
    }
    owner.paths += 1;
    table.put({ id, owner, sides: [first, second], ...table.full() });
  }

  private end(id: Uint8Array): void {
    const path = this.table.find(id);
    if (!path) return;
    this.table.remove(path);
    path.owner.paths -= 1;
    if (path.owner.paths === 0) this.owners.delete(path.owner.name);
  }

  private ownerOf(name: string): CountedOwner {
    let owner = this.owners.get(name);
    if (!owner) this.owners.set(name, (owner = { name, usedBytes: 0, paths: 0 }));
    return owner;
  }

  private exchange(): void {
    this.timer = this.ports.timers.schedule(EXCHANGE_MS, () => {
      this.report();
      this.exchange();
    });
  }

  private report(): void {
    const { table, ports } = this;
    const { forwardedPackets: packets, forwardedBytes: bytes } = table;
    const counts = { packets, bytes, drops: [...table.drops], spent: table.takeUntold(), busy: ports.busy() };
    ports.tell({ kind: 'report', ...counts }, () => {});
  }
}
