/** A connection between two honest ends, with what they write, and a path that does to their packets what paths do. */
import assert from 'node:assert/strict';
import { aliceAddresses, bobAddresses, StackPair, type Peer } from '../support/stack-pair';

const LEAST_MTU = 1_200;
/** That each end writes in all. */
const MOST_BYTES = 1_000_000;
const DAY_MS = 24 * 3_600_000;

class End {
  readonly written: Uint8Array[] = [];
  length = 0;
  private waiting: Uint8Array[] = [];
  private finished = false;
  private pausedAt = 0;

  constructor(readonly peer: Peer) {
    peer.onDrained = () => this.pump();
  }

  write(bytes: Uint8Array): void {
    if (this.finished || this.length + bytes.length > MOST_BYTES) return;
    this.length += bytes.length;
    this.written.push(bytes);
    this.waiting.push(bytes);
    this.pump();
  }

  finish(): void {
    this.finished = true;
    this.pump();
  }

  pause(): void {
    if (!this.peer.consuming) return;
    this.peer.consuming = false;
    this.pausedAt = this.peer.receivedLength;
  }

  resume(): void {
    if (this.peer.consuming) return;
    this.peer.consuming = true;
    this.peer.connection.consumed(this.peer.receivedLength - this.pausedAt);
  }

  private pump(): void {
    for (let next = this.waiting[0]; next; next = this.waiting[0]) {
      const taken = this.peer.connection.write(next);
      if (taken < next.length) return void (this.waiting[0] = next.subarray(taken));
      this.waiting.shift();
    }
    if (this.finished) this.peer.connection.shutdown();
  }
}

type Act = (world: FlowWorld, argument: number) => void;

/** What a script may do: its bytes in pairs, which act (modulo their number) and its argument of 0 to 255. */
const acts: readonly Act[] = [
  (world, argument) => world.pair.time.advance(argument),
  (world, argument) => world.pair.time.advance(argument ** 2),
  (world, argument) => world.client.write(world.bytes(argument ** 2)),
  (world, argument) => world.server.write(world.bytes(argument ** 2)),
  (world, argument) => world.trickle(world.client, argument),
  (world, argument) => world.trickle(world.server, argument),
  (world, argument) => world.setMtu(LEAST_MTU + argument),
  (world, argument) => world.setMtu(LEAST_MTU + argument * 250),
  (world, argument) => void (world.pair.largest = LEAST_MTU + argument ** 2 / 4), // nobody is told yet
  (world, argument) => void (world.pair.loss = argument < 128 ? 0 : argument / 1024),
  (world, argument) => void (world.pair.duplication = argument / 1024),
  (world, argument) => void (world.pair.jitter = { probability: argument / 512, upToMs: argument }),
  (world, argument) => (argument % 2 === 0 ? world.client : world.server).pause(),
  (world, argument) => (argument % 2 === 0 ? world.client : world.server).resume(),
  (world, argument) => world.client.peer.connection.setNoDelay(argument % 2 === 0),
  (world, argument) => world.changePath(argument),
  (world, argument) => argument < 32 && world.client.finish(),
  (world, argument) => argument < 32 && world.server.finish(),
];

export class FlowWorld {
  readonly pair: StackPair;
  readonly client: End;
  readonly server: End;
  readonly address: string;

  constructor(seed: number) {
    this.pair = new StackPair({ seed, mtu: LEAST_MTU });
    this.address = seed % 2 === 0 ? bobAddresses.ipv4 : bobAddresses.ipv6;
    const { client, server } = this.pair.connect(this.address);
    this.client = new End(client);
    this.server = new End(server);
  }

  play(script: Uint8Array): void {
    for (let at = 0; at + 1 < script.length; at += 2) acts[script[at]! % acts.length]!(this, script[at + 1]!);
  }

  /** Told to one end, rightly or not. */
  changePath(argument: number): void {
    const oldDelivers = argument % 4 === 3;
    const rttMs = argument >= 128 ? argument : undefined;
    if (argument % 2 === 0) return this.pair.alice.pathChanged(this.address, { oldDelivers, rttMs });
    this.pair.bob.pathChanged(this.address === bobAddresses.ipv4 ? aliceAddresses.ipv4 : aliceAddresses.ipv6, {
      ...{ oldDelivers, rttMs },
    });
  }

  bytes(length: number): Uint8Array {
    return this.pair.random.bytes(length);
  }

  trickle(end: End, count: number): void {
    for (let i = 0; i < count; i++) end.write(this.bytes(1 + this.pair.random.below(50)));
  }

  setMtu(mtu: number): void {
    this.pair.largest = mtu;
    this.pair.setPathMtu(Math.floor(mtu));
  }

  /** The path is a good one again, both ends finish: all that was written has arrived, and nothing is left. */
  end(): void {
    const { pair, client, server } = this;
    Object.assign(pair, { loss: 0, duplication: 0, jitter: { probability: 0, upToMs: 0 } });
    this.setMtu(LEAST_MTU);
    for (const end of [client, server]) {
      end.resume();
      end.finish();
    }
    assert.deepEqual(pair.faults, []);
    pair.time.runUntil(() => client.peer.seen('closed') && server.peer.seen('closed'), DAY_MS);
    assert(server.peer.bytes.equals(Buffer.concat(client.written)), 'what the client wrote did not arrive');
    assert(client.peer.bytes.equals(Buffer.concat(server.written)), 'what the server wrote did not arrive');
    assert.deepEqual(
      [client.peer.events, server.peer.events].map((events) => events.filter(isEnd)),
      [ENDS, ENDS],
    );
    assert.deepEqual(pair.faults, []);
    pair.alice.close();
    pair.bob.close();
    assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0, 'memory of lwIP is left');
  }
}

const ENDS = ['ended', 'closed'];
const isEnd = (event: string): boolean => event !== 'connected';
