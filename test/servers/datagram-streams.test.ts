/** TLS connections of a server that carry datagrams, on virtual time. */
import assert from 'node:assert/strict';
import type { Endpoint } from '../../core/wire/addresses';
import { frame, FrameReader, STREAM_DATAGRAM_LIMIT } from '../../core/wire/frames';
import { DatagramStreams, type DatagramStreamEvents, type StreamLimits } from '../../servers/datagram-streams';
import { pass } from '../support/memory-datagrams';
import { VirtualTime } from '../support/virtual-time';

const signalling = (length = 60): Uint8Array => new Uint8Array(length).fill(0x4e);
const relayed = (length = 60): Uint8Array => new Uint8Array(length).fill(0x52);

class World {
  readonly time = new VirtualTime();
  readonly received: { readonly datagram: Uint8Array; readonly from: Endpoint }[] = [];
  readonly streams: DatagramStreams;

  constructor(limits: Partial<StreamLimits> = {}) {
    const ports = { clock: this.time, timers: this.time };
    this.streams = new DatagramStreams(ports, (datagram, from) => this.received.push({ datagram, from }), limits);
  }

  get drops(): Record<string, number> {
    return Object.fromEntries(this.streams.drops);
  }
}

/** As the host gives it; `takes`: whether the other side reads. */
class Connection {
  open = true;
  takes = true;
  queuedBytes = 0;
  readonly sent: Uint8Array[] = [];
  readonly events: DatagramStreamEvents | undefined;
  private readonly reader = new FrameReader(STREAM_DATAGRAM_LIMIT);

  constructor(world: World, source: Endpoint = { address: '203.0.113.1', port: 4001 }) {
    const stream = {
      source,
      queuedBytes: 0,
      write: (bytes: Uint8Array) => {
        if (this.takes) this.sent.push(...this.reader.read(bytes)!);
        else stream.queuedBytes += bytes.length;
      },
      close: () => {
        this.open = false;
        this.events?.ended();
      },
    };
    this.events = world.streams.accept(stream);
  }

  say(datagram: Uint8Array): void {
    this.events!.bytes(frame(datagram));
  }
}

describe('datagrams over TLS, at a server', () => {
  it('frames in any pieces -> each datagram as it was, from an endpoint that says it is a stream', () => {
    const world = new World();
    const connection = new Connection(world);
    const bytes = Buffer.concat([frame(signalling(1)), frame(relayed(STREAM_DATAGRAM_LIMIT)), frame(signalling(700))]);
    for (let i = 0; i < bytes.length; i += 5) connection.events!.bytes(bytes.subarray(i, i + 5));
    assert.deepEqual(
      world.received.map(({ datagram }) => datagram),
      [signalling(1), relayed(STREAM_DATAGRAM_LIMIT), signalling(700)],
    );
    assert.deepEqual(world.received[0]!.from, { address: '203.0.113.1', port: 4001, stream: true });
    assert(
      world.received.every(({ from }) => from === world.received[0]!.from),
      'one object for a connection',
    );
    world.streams.close();
  });

  it('a datagram to where one came from -> goes over that connection, also by an endpoint of the same text', () => {
    const world = new World();
    const [one, other] = [new Connection(world), new Connection(world, { address: '203.0.113.1', port: 4002 })];
    one.say(signalling());
    other.say(signalling());
    world.streams.send(signalling(80), world.received[1]!.from);
    world.streams.send(signalling(90), { ...world.received[0]!.from });
    world.streams.send(signalling(70), { address: '203.0.113.1', port: 4003, stream: true });
    assert.deepEqual([one.sent, other.sent], [[signalling(90)], [signalling(80)]]);
    assert.deepEqual(world.drops, { 'not connected': 1 });
    world.streams.close();
  });

  for (const [what, bytes, reason] of [
    ['no length', Uint8Array.of(0, 0), 'broke the framing'],
    ['a length above the limit', Uint8Array.of(0x08, 0x01), 'broke the framing'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'broke the framing'],
    ['a datagram that is none of ours', frame(Uint8Array.of(4, 1, 2, 3)), 'not a datagram of ours'],
  ] as const) {
    it(`${what} -> the connection is closed and counted, and nothing of it is taken any more`, () => {
      const world = new World();
      const connection = new Connection(world);
      connection.say(signalling());
      connection.events!.bytes(bytes);
      connection.say(signalling());
      assert.equal(connection.open, false);
      assert.equal(world.received.length, 1);
      assert.deepEqual([world.drops, world.streams.size], [{ [reason]: 1 }, 0]);
      world.streams.close();
    });
  }

  it('a reader that takes nothing -> 256 KiB wait for it, the rest is dropped and counted; others get theirs', () => {
    const world = new World();
    const [slow, well] = [new Connection(world), new Connection(world, { address: '203.0.113.2', port: 1 })];
    slow.say(signalling());
    well.say(signalling());
    slow.takes = false;
    for (let i = 0; i < 1_000; i++) for (const { from } of world.received) world.streams.send(relayed(1_022), from);
    assert.deepEqual(world.drops, { slow: 1_000 - 257 });
    assert.equal(well.sent.length, 1_000);
    assert(slow.open);
    world.streams.close();
  });

  it('a datagram that is too large for a frame -> dropped and counted', () => {
    const world = new World();
    const connection = new Connection(world);
    connection.say(signalling());
    world.streams.send(relayed(STREAM_DATAGRAM_LIMIT + 1), world.received[0]!.from);
    assert.deepEqual([connection.sent, world.drops], [[], { 'too large': 1 }]);
    world.streams.close();
  });

  it('never answered -> closed after ten seconds; answered -> stays while it is heard of, and 15 minutes', async () => {
    const world = new World();
    const [stranger, node] = [new Connection(world), new Connection(world, { address: '203.0.113.2', port: 1 })];
    node.say(signalling());
    world.streams.send(signalling(), world.received[0]!.from);
    for (let i = 0; i < 11; i++) {
      if (i < 9) stranger.say(signalling());
      await pass(world.time, 1_000);
    }
    assert.deepEqual([stranger.open, node.open], [false, true]);
    await pass(world.time, 800_000);
    node.say(signalling());
    await pass(world.time, 800_000);
    assert(node.open);
    await pass(world.time, 102_000);
    assert.equal(node.open, false);
    assert.deepEqual(world.drops, { silent: 2 });
    assert.equal(world.time.pendingCount, 0, 'no timer is left');
  });

  it('too many, in all or from one address -> refused and counted; room again when one ends', () => {
    const world = new World({ connections: 3, perSource: 2 });
    const at = (n: number, port: number): Endpoint => ({ address: `203.0.113.${n}`, port });
    const first = new Connection(world, at(1, 1));
    new Connection(world, at(1, 2));
    assert.equal(new Connection(world, at(1, 3)).events, undefined);
    new Connection(world, at(2, 1));
    assert.equal(new Connection(world, at(3, 1)).events, undefined);
    assert.deepEqual(world.drops, { 'too many from one source': 1, 'too many connections': 1 });
    first.events!.ended();
    assert(new Connection(world, at(3, 2)).events);
    world.streams.close();
    assert.equal(world.streams.size, 0);
    assert.equal(world.time.pendingCount, 0, 'no timer is left');
  });
});
