/** The worker processes of an RS beside its main one, on virtual time; the kernel's part is `deal`, who reads in turn. */
import assert from 'node:assert/strict';
import type { Trace, TraceEvent } from '../../../core/trace';
import type { Endpoint } from '../../../core/wire/addresses';
import type { Member, RelayCrew, WorkerLink } from '../../../servers/relay/relay-crew';
import type { RelayLimits } from '../../../servers/relay/relay-paths';
import { readBindingResponse, writeBindingRequest } from '../../../core/wire/stun';
import { RelayWorker } from '../../../servers/relay/relay-worker';
import type { FromWorker } from '../../../servers/relay/worker-messages';
import { pass } from '../../support/memory-datagrams';
import { at, RelayWorld, rsAt } from '../../support/relay-world';

const IPC_MS = 1;
const FRAME_BYTES = 1_000;

/** A worker process. */
class Process implements WorkerLink {
  busy = 0;
  reads = false;
  killed = 0;
  /** It hangs: nothing that is sent to it or by it arrives. */
  stopped = false;
  /** The main process takes nothing. */
  stuck = false;
  received = 0;
  readonly member: Member;
  private readonly worker: RelayWorker;

  constructor(private readonly office: Office) {
    const { time, network } = office.world;
    this.worker = new RelayWorker({
      ...{ clock: time, timers: time },
      transmit: network.sender(rsAt),
      busy: () => this.busy,
      tell: (message, taken) => this.say(message, taken),
    });
    this.member = office.crew.join(this);
  }

  tell(message: Parameters<WorkerLink['tell']>[0]): void {
    this.later(() => (message.kind === 'rest' ? (this.reads = false) : this.worker.hear(message)));
  }

  read(): void {
    this.later(() => (this.reads = true));
  }

  kill(): void {
    this.killed += 1;
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    this.received += 1;
    this.worker.receive(datagram, from);
  }

  /** Its process ends, whyever. */
  end(): void {
    this.stopped = true;
    this.worker.close();
    this.office.processes.splice(this.office.processes.indexOf(this), 1);
    this.office.crew.left(this.member);
  }

  private say(message: FromWorker, taken: () => void): void {
    if (this.stuck) return;
    this.later(() => {
      taken();
      this.office.crew.heard(this.member, message);
    });
  }

  private later(action: () => void): void {
    this.office.world.time.schedule(IPC_MS, () => this.stopped || action());
  }
}

/** An RS and its processes. */
class Office {
  readonly world: RelayWorld;
  readonly crew: RelayCrew;
  readonly processes: Process[] = [];
  busy = 0;
  private turn = 0;

  constructor(workers: number, limits: Partial<RelayLimits> = {}, trace?: Trace) {
    this.world = new RelayWorld(limits, trace);
    this.crew = this.world.rs.withCrew(() => this.busy);
    this.world.network.attach(rsAt, (datagram, from) => this.deal(datagram, from));
    for (let i = 0; i < workers; i++) this.start();
  }

  start(): Process {
    const process = new Process(this);
    this.processes.push(process);
    return process;
  }

  /** Everybody who reads is busy until all do. */
  async allRead(): Promise<void> {
    this.busy = 1;
    for (const process of this.processes) process.busy = 1;
    await pass(this.world.time, 500 * this.processes.length);
    assert(this.processes.every(({ reads }) => reads));
  }

  /** `perSecond` frames of a path, for so many seconds. */
  async flood(pathId: Uint8Array, perSecond: number, seconds: number): Promise<void> {
    for (let i = 0; i < perSecond * seconds; i++) {
      void this.world.frame(pathId, at(1), 'x', FRAME_BYTES - 10);
      await pass(this.world.time, 1_000 / perSecond);
    }
  }

  close(): void {
    this.world.rs.close();
    for (const process of [...this.processes]) process.end();
  }

  private deal(datagram: Uint8Array, from: Endpoint): void {
    if (from.stream) return this.world.rs.receive(datagram, from); // no socket that others read
    const readers = [this.world.rs, ...this.processes.filter(({ reads }) => reads)];
    readers[this.turn++ % readers.length]!.receive(datagram, from);
  }
}

describe('worker processes of an RS', () => {
  let office: Office;

  afterEach(async () => {
    office.close();
    await pass(office.world.time, 10_000);
    assert.equal(office.world.time.pendingCount, 0, 'no timer is left');
  });

  it('a side of a path comes over TLS -> workers give its frames to the main process, which has the connections', async () => {
    office = new Office(2);
    await office.allRead();
    const { pathId, sides } = await office.world.boundPath();
    await pass(office.world.time, 10);
    const overTls = { ...at(3), stream: true };
    await sides[1].bind(overTls);
    await pass(office.world.time, 10);
    const [sent, got] = [12, sides[1].received.length];
    for (let i = 0; i < sent; i++) await office.world.frame(pathId, at(1));
    await pass(office.world.time, 10);
    assert.equal(sides[1].received.length - got, sent);
    assert.equal(office.crew.forwardedByMain, sent);
    await office.world.frame(pathId, overTls, 'b');
    await pass(office.world.time, 10);
    assert.deepEqual(sides[0].texts(), ['b']);
    await sides[1].bind(at(2));
    await pass(office.world.time, 10);
    for (let i = 0; i < 6; i++) await office.world.frame(pathId, at(1));
    assert(office.crew.forwardedByMain < sent + 6, 'workers forward again');
  });

  it('the main process has time: a minute passes -> no worker reads', async () => {
    office = new Office(2);
    office.busy = 0.5;
    await pass(office.world.time, 60_000);
    assert.deepEqual(office.crew.readers, []);
  });

  it('the main process is busy -> one worker reads, and the other when that is busy too; less load -> they rest', async () => {
    office = new Office(2);
    const [first, second] = office.processes;
    office.busy = 1;
    first!.busy = 0.3;
    await pass(office.world.time, 1_000);
    assert.deepEqual([first!.reads, second!.reads], [true, false]);
    first!.busy = 1;
    await pass(office.world.time, 1_000);
    assert.deepEqual([first!.reads, second!.reads], [true, true]);
    office.busy = first!.busy = 0.1;
    await pass(office.world.time, 20_000);
    assert.deepEqual([first!.reads, second!.reads], [false, false]);
  });

  it('paths of before and of since a worker reads -> it forwards their frames as the main process does', async () => {
    office = new Office(1);
    const { world } = office;
    const before = await world.boundPath();
    await office.allRead();
    const since = await world.boundPath();
    const [worker] = office.processes;
    for (const { pathId, sides } of [before, since]) {
      await sides[0].bind(at(1));
      await sides[1].bind(at(2));
      const received = worker!.received;
      for (const content of ['a', 'b', 'c', 'd']) await world.frame(pathId, at(1), content);
      assert.deepEqual(sides[1].texts(), ['a', 'b', 'c', 'd']);
      assert.equal(worker!.received - received, 2);
    }
    await pass(world.time, 200);
    assert.equal(world.rs.forwarded.packets, 8);
    assert.equal(world.rs.paths.forwardedPackets, 4);
    assert.deepEqual([...world.rs.frameDrops], []);
  });

  const HANDSHAKES = [
    { traces: true, by: 'the main process, which traces each', traced: [29, 30, 29, 30, 31, 32, 31, 32], forwarded: 4 },
    { traces: false, by: 'whichever process has read it', traced: [], forwarded: 2 },
  ];
  for (const { traces, by, traced, forwarded } of HANDSHAKES) {
    it(`a worker reads, the RS ${traces ? 'traces' : 'traces nothing'}: handshakes -> forwarded by ${by}`, async () => {
      const told: TraceEvent[] = [];
      office = new Office(1, {}, traces ? (event) => told.push(event) : undefined);
      const { world } = office;
      const { pathId, sides } = await world.boundPath();
      await office.allRead();
      for (const type of [1, 1, 2, 2]) await world.frame(pathId, type === 1 ? at(1) : at(2), 'x', 64, type);
      await pass(world.time, 200);
      assert.deepEqual(
        told.map(({ step = 0 }) => step).filter((step) => step >= 29),
        traced,
      );
      assert.equal(office.crew.forwardedByMain, forwarded);
      assert.deepEqual(
        sides.map(({ received }) => received.length),
        [2, 2],
      );
    });
  }

  it('a worker reads: a node asks by STUN, of either process -> it is told where it is seen', async () => {
    office = new Office(1);
    const { world } = office;
    await office.allRead();
    const mapped: (Endpoint | undefined)[] = [];
    const ask = world.network.attach(at(5), (answer) => mapped.push(readBindingResponse(answer)?.mapped));
    const { received } = office.processes[0]!;
    for (let i = 0; i < 4; i++)
      ask(writeBindingRequest({ transaction: world.random.bytes(12), changePort: false }), rsAt);
    await pass(world.time, 10);
    assert.equal(office.processes[0]!.received - received, 2);
    assert.deepEqual(mapped, Array(4).fill(at(5)));
  });

  it('a side moves, a path ends: frames from where it was, and of the path -> dropped by every process', async () => {
    office = new Office(1);
    const { world } = office;
    const { pathId, sides } = await world.boundPath();
    await office.allRead();
    await sides[0].bind(at(8));
    for (let i = 0; i < 4; i++) await world.frame(pathId, at(1));
    await pass(world.time, 200);
    assert.deepEqual([...world.rs.frameDrops], [['unbound source', 4]]);
    for (const side of sides) side.release();
    await pass(world.time, 10);
    for (let i = 0; i < 4; i++) await world.frame(pathId, at(8));
    await pass(world.time, 200);
    assert.deepEqual(Object.fromEntries(world.rs.frameDrops), { 'unbound source': 4, 'unknown path': 4 });
    assert.deepEqual(sides[1].texts(), []);
  });

  it('three processes and twice the rate of a path -> together they send the rate, and two bursts more at most', async () => {
    const bytesPerSecond = 100_000;
    office = new Office(2, { bytesPerSecond });
    const { pathId, sides } = await office.world.boundPath();
    await office.allRead();
    await office.flood(pathId, (2 * bytesPerSecond) / FRAME_BYTES, 10);
    const sent = sides[1].received.length * FRAME_BYTES;
    const burst = bytesPerSecond / 4;
    assert(sent <= bytesPerSecond * 10 + 3 * burst, `${sent} bytes`);
    assert(sent >= bytesPerSecond * 9.5, `${sent} bytes`);
  });

  it('three processes and a quota -> what is sent beyond it was sent before they had told each other', async () => {
    const quotaBytes = 100_000;
    office = new Office(2, { quotaBytes });
    const { pathId, sides } = await office.world.boundPath();
    await office.allRead();
    await office.flood(pathId, 100, 5);
    const sent = sides[1].received.length * FRAME_BYTES;
    const toldAfterS = 0.2;
    assert(sent >= quotaBytes && sent <= quotaBytes + 100 * FRAME_BYTES * toldAfterS, `${sent} bytes`);
    await assert.rejects(office.world.path(), { refusal: 'relay-quota' });
  });

  it('a worker ends while it forwards -> it is counted, what it had counted stays, no path is lost, another takes its place', async () => {
    office = new Office(1);
    const { world, crew } = office;
    const { pathId, sides } = await world.boundPath();
    await office.allRead();
    for (let i = 0; i < 4; i++) await world.frame(pathId, at(1), 'a');
    await pass(world.time, 200);
    office.processes[0]!.end();
    for (let i = 0; i < 4; i++) await world.frame(pathId, at(1), 'b');
    assert.deepEqual([crew.lost, world.rs.forwarded.packets], [1, 8]);
    office.start();
    await office.allRead();
    for (let i = 0; i < 4; i++) await world.frame(pathId, at(1), 'c');
    assert.equal(office.processes[0]!.received, 2);
    assert.equal(sides[1].texts().join(''), 'aaaabbbbcccc');
  });

  it('a worker says nothing for ten seconds -> it is killed', async () => {
    office = new Office(2);
    office.processes[0]!.stopped = true;
    await pass(office.world.time, 11_000);
    assert.deepEqual(
      office.processes.map(({ killed }) => killed),
      [1, 0],
    );
  });

  it('a worker is flooded with what the main process does not take -> it keeps no more than a thousand, and counts', async () => {
    office = new Office(1);
    await office.allRead();
    const [worker] = office.processes;
    worker!.stuck = true;
    for (let i = 0; i < 5_000; i++) worker!.receive(new Uint8Array(600), at(66));
    worker!.stuck = false;
    await pass(office.world.time, 200);
    assert.equal(office.world.rs.frameDrops.get('too many unplaced'), 5_000 - 1_024);
  });

  it('limits change while workers read -> they keep to them', async () => {
    office = new Office(1, { bytesPerSecond: 1e9 });
    const { pathId } = await office.world.boundPath();
    await office.allRead();
    office.world.rs.changeLimits({ bytesPerSecond: 10_000 });
    await office.flood(pathId, 100, 2);
    await pass(office.world.time, 200);
    assert(office.world.rs.forwarded.bytes <= 10_000 * 2 + 2 * 2_500 + 2 * FRAME_BYTES);
  });

  it('all processes are busy -> the reported load is full, however few the paths', async () => {
    office = new Office(1);
    assert.equal(office.world.rs.load, 0);
    await office.allRead();
    assert.equal(office.world.rs.load, 1);
  });
});
