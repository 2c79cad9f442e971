/** A node's TLS connections to servers, on virtual time; and what a trial of a way believes. */
import assert from 'node:assert/strict';
import { StreamConnections } from '../../../core/reach/stream-port';
import { Trial } from '../../../core/reach/trial';
import type { StreamPortOptions } from '../../../core/runtime';
import type { Endpoint } from '../../../core/wire/addresses';
import { frame, FrameReader, STREAM_DATAGRAM_LIMIT } from '../../../core/wire/frames';
import { readHeader, Seal, writeHeader } from '../../../core/wire/header';
import { messages } from '../../../core/wire/messages';
import { pass } from '../../support/memory-datagrams';
import { SeededRandom, VirtualTime } from '../../support/virtual-time';

const to: Endpoint = { address: '192.0.2.1', port: 443, stream: true };
const datagram = (length = 60): Uint8Array => new Uint8Array(length).fill(0x4e);

/** One connection as the runtime gives it. */
class Line {
  open = true;
  queuedBytes = 0;
  readonly written: Uint8Array[] = [];
  private readonly reader = new FrameReader(STREAM_DATAGRAM_LIMIT);

  constructor(readonly options: StreamPortOptions) {}

  write(bytes: Uint8Array): void {
    this.written.push(...this.reader.read(bytes)!);
  }

  close(): void {
    this.open = false;
  }
}

class World {
  readonly time = new VirtualTime();
  readonly lines: Line[] = [];
  readonly received: Uint8Array[] = [];
  lostConnections = 0;
  readonly connections = new StreamConnections({
    ...{ clock: this.time, timers: this.time },
    openStreamPort: (_, options) => {
      const line = new Line(options);
      this.lines.push(line);
      return line;
    },
    onDatagram: (bytes, from) => {
      assert.equal(from, to);
      this.received.push(bytes);
    },
    onLost: () => (this.lostConnections += 1),
  });
}

describe('datagrams over TLS, at a node', () => {
  let world: World;

  beforeEach(() => (world = new World()));
  afterEach(() => {
    world.connections.endAll();
    assert(world.lines.every(({ open }) => !open));
    assert.equal(world.time.pendingCount, 0, 'no timer is left');
  });

  it('sent before the connection is open -> it waits, up to 256 KiB, and goes out in order', () => {
    for (let i = 0; i < 400; i++) world.connections.send(datagram(1_022), to, 'as.example');
    const [line] = world.lines;
    assert.deepEqual(line!.options.tls, { serverName: 'as.example' });
    line!.options.onConnect();
    assert.equal(line!.written.length, 257);
    assert.equal(world.connections.lost, 400 - 257);
    world.connections.send(datagram(10), to);
    assert.deepEqual([line!.written.at(-1), world.lines.length], [datagram(10), 1]);
  });

  it('the other side does not read, or the datagram is too large -> dropped and counted', () => {
    world.connections.send(datagram(), to);
    const [line] = world.lines;
    line!.options.onConnect();
    line!.queuedBytes = 300_000;
    world.connections.send(datagram(), to);
    line!.queuedBytes = 0;
    world.connections.send(datagram(STREAM_DATAGRAM_LIMIT + 1), to);
    world.connections.send(datagram(STREAM_DATAGRAM_LIMIT), to);
    assert.deepEqual([line!.written.length, world.connections.lost], [2, 2]);
  });

  it('refused, or never open -> left alone for 0.5, 1, 2, ... 30 seconds', async () => {
    const opened: number[] = [];
    for (let i = 0; i < 1_200; i++) {
      const { length } = world.lines;
      world.connections.send(datagram(), to);
      if (world.lines.length > length) {
        opened.push(world.time.now());
        if (opened.length % 2) world.lines.at(-1)!.options.onClose(); // the others take the ten seconds
      }
      await pass(world.time, 100);
    }
    const pauses = opened.slice(1).map((at, i) => Math.round((at - opened[i]!) / 100) / 10);
    assert.deepEqual(pauses.slice(0, 7), [0.5, 11, 2, 14, 8, 26, 30]);
    assert.equal(world.lostConnections, 0);
  });

  it('datagrams came, and it ends -> told at once, and opened anew at once', () => {
    world.connections.send(datagram(), to);
    world.lines[0]!.options.onConnect();
    world.lines[0]!.options.onBytes(frame(datagram(33)));
    world.lines[0]!.options.onClose();
    assert.deepEqual([world.received, world.lostConnections], [[datagram(33)], 1]);
    world.connections.send(datagram(), to);
    assert.equal(world.lines.length, 2);
    world.lines[0]!.options.onBytes(frame(datagram(34)));
    assert.equal(world.received.length, 1, 'of a connection that has ended');
  });

  it('it is another kind of server -> closed, and left alone', () => {
    world.connections.send(datagram(), to);
    world.lines[0]!.options.onConnect();
    world.lines[0]!.options.onBytes(Buffer.from('HTTP/1.1 400 Bad Request\r\n'));
    world.connections.send(datagram(), to);
    assert.deepEqual([world.lines.length, world.lines[0]!.open, world.lostConnections], [1, false, 0]);
  });

  it('nothing for twelve minutes -> closed, and nobody is told', async () => {
    world.connections.send(datagram(), to);
    world.lines[0]!.options.onConnect();
    world.lines[0]!.options.onBytes(frame(datagram()));
    await pass(world.time, 690_000);
    assert(world.lines[0]!.open);
    await pass(world.time, 120_000);
    assert.deepEqual([world.lines[0]!.open, world.lostConnections], [false, 0]);
  });
});

describe('a trial of a way', () => {
  it('asked three times; only Unknown Key of its own key id -> answered', async () => {
    const time = new VirtualTime();
    const sent: Uint8Array[] = [];
    const server = { address: '192.0.2.1', port: 4500 };
    const send = (question: Uint8Array): void => void sent.push(question);
    const trial = new Trial({ timers: time, random: new SeededRandom(3), servers: [server], send });
    await pass(time, 1_000);
    assert.equal(sent.length, 3);
    const header = readHeader(sent[0]!)!;
    const answer = { ...header, seal: Seal.none, type: messages.unknownKey.type };
    assert(trial.isAnsweredBy(writeHeader(answer)));
    assert(!trial.isAnsweredBy(writeHeader({ ...answer, keyId: new Uint8Array(8) })));
    assert(!trial.isAnsweredBy(sent[0]!));
    assert(!trial.isAnsweredBy(new Uint8Array(3)));
    trial.end();
    assert.equal(time.pendingCount, 0);
  });
});
