/** Segments from a correspondent that means ill, in every state of TCP: lwIP stands, and others' connections with it. */
import assert from 'node:assert/strict';
import { fuzz, seed } from './engine';
import { Flag } from './segments';
import { StackWorld, type State } from './stack-world';

/** Of the wasm module's memory; it starts with less than 1 MB. */
const MEMORY_LIMIT_BYTES = 16 << 20;

/**
 * An input: which connection, how, flags, sequence and acknowledgement beside those that are right (4 bytes each),
 * window (2), urgent pointer (2), length of the options, options, payload.
 */
const At = {
  connection: 0,
  how: 1,
  flags: 2,
  sequence: 3,
  acknowledgement: 7,
  window: 11,
  urgent: 13,
  optionsLength: 15,
};
const HEADER = 16;
const How = { atOnce: 0x01, badLength: 0x02, badOffset: 0x04, later: 0x08, owner: 0x30 } as const;

describe(`fuzz: stack (NTMOBILE_FUZZ_SEED=${seed})`, function () {
  this.timeout(600_000);

  it('connections in every state: their ends go on in order -> the states are what they are called', () => {
    const world = new StackWorld();
    const seen = (state: State, ...events: string[]): void => {
      for (const { owner } of world.in(state)) assert.deepEqual(owner?.events, events, state);
    };
    for (const state of ['established', 'in-flight', 'out-of-order', 'fin-wait-1', 'fin-wait-2'] as const) seen(state);
    for (const state of ['close-wait', 'last-ack'] as const) seen(state, 'ended');
    for (const connection of world.in('syn-sent')) connection.answer();
    for (const connection of world.in('last-ack')) connection.send({});
    for (const connection of world.in('fin-wait-1')) connection.send({ flags: Flag.fin | Flag.ack });
    for (const connection of world.in('fin-wait-2')) connection.send({ flags: Flag.fin | Flag.ack });
    for (const connection of world.in('closing')) connection.send({});
    for (const connection of world.in('out-of-order')) connection.send({ payload: new Uint8Array(100) });
    seen('syn-sent', 'connected');
    for (const state of ['last-ack', 'fin-wait-1', 'fin-wait-2', 'closing', 'time-wait'] as const) {
      seen(state, 'ended', 'closed');
    }
    for (const { owner } of world.in('out-of-order')) assert.equal(owner?.bytes.length, 600);
    for (const { owner } of world.in('in-flight')) assert.equal(owner?.connection.unacknowledgedLength, 8_000);
    world.close();
  });

  it('data unsent: a segment with a smaller MSS, which is for SYNs alone -> ignored, and the owner writes on', () =>
    storm([
      Buffer.from('0600000000000000000000000000000a020405', 'hex'),
      Buffer.from('06100000000000000000000000000000', 'hex'),
    ]));

  it('connections in every state: segments that lie -> no assertion of lwIP fails, nothing leaks, others go on', () =>
    fuzz({ name: 'segments', runs: 30_000, batch: 300, longest: 1_500, attempt: storm }));
});

function storm(inputs: readonly Uint8Array[]): void {
  const world = new StackWorld();
  const { victim, time } = world;
  for (const input of inputs) {
    if (input.length < HEADER) victim.input(input);
    else send(world, Buffer.from(input));
  }
  time.advance(1_000);
  assert.equal(victim.counters.faults, 0, 'an assertion of lwIP failed');
  const size = victim.memory.bytes.length;
  assert(size <= MEMORY_LIMIT_BYTES, `${size} bytes of memory are in use`);
  assert(world.friendsTalk(), 'the bystander is cut off');
  world.close();
  assert.equal(victim.liveAllocations, 0, 'memory of lwIP is left');
  assert.equal(time.pendingCount, 0, 'a timer is left');
}

function send(world: StackWorld, input: Buffer): void {
  const connection = world.attacked[input[At.connection]! % world.attacked.length]!;
  const how = input[At.how]!;
  const optionsEnd = Math.min(HEADER + Math.min(input[At.optionsLength]!, 40), input.length);
  connection.inject(
    {
      flags: input[At.flags]!,
      sequence: connection.next + input.readInt32BE(At.sequence),
      acknowledgement: connection.victimNext + input.readInt32BE(At.acknowledgement),
      window: input.readUInt16BE(At.window),
      urgent: input.readUInt16BE(At.urgent),
      options: input.subarray(HEADER, optionsEnd),
      payload: input.subarray(optionsEnd),
    },
    {
      lengthError: how & How.badLength ? (how >> 6) * 7 - 10 : 0,
      dataOffset: how & How.badOffset ? input[At.optionsLength]! & 15 : undefined,
    },
  );
  const owner = connection.owner?.connection;
  if (!(how & How.atOnce)) world.time.advance(how & How.later ? how : 0);
  if ((how & How.owner) === 0x10) owner?.write(input);
  if ((how & How.owner) === 0x20) owner?.shutdown();
}
