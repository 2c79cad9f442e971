/** Authentic datagrams with anything inside, through tunnel and stack: what a correspondent with a key can do. */
import assert from 'node:assert/strict';
import { Stack } from '../../core/packet/stack/stack';
import { Peer } from '../support/stack-pair';
import { SeededRandom } from '../support/virtual-time';
import { fuzz, seed } from './engine';
import { retained } from './retained';
import { TunnelWorld, type Party } from './tunnel-world';

const MTU = 1_200;

describe(`fuzz: inside tunnels (NTMOBILE_FUZZ_SEED=${seed})`, function () {
  this.timeout(600_000);

  it('a tunnel and a stack that listens: any inner packets -> each is counted, others go on, nothing is left', () =>
    fuzz({ name: 'inner', runs: 15_000, batch: 300, longest: 1_500, attempt: storm }));
});

function storm(inputs: readonly Uint8Array[]): void {
  const world = new TunnelWorld();
  const { victim, peer, bystander, time } = world;
  const stack = stackAt(world, victim, 11);
  const friends = befriend(world, stack, stackAt(world, bystander, 12));
  stack.listenTcp({ address: '::', port: 80, backlog: 16 }, (connection) => void new Peer().attach(connection));
  const tunnel = world.introduce(peer, victim);
  const before = retained(victim.module, time);
  for (const input of inputs) {
    const known = countedBy(victim, stack);
    assert(tunnel.send(input), 'there is no session to seal it under');
    time.advance(20);
    assert(input.length === 0 || countedBy(victim, stack) > known, 'neither counted nor taken');
  }
  assert.equal(stack.counters.faults, 0, 'an assertion of lwIP failed');
  assert(retained(victim.module, time) <= before + 20, 'more than one entry for each reason to drop was left');
  assert(friendsTalk(world, friends), 'the bystander is cut off');
  friends.stacks.forEach((each) => each.close());
  world.close();
  assert.deepEqual([stack.liveAllocations, time.pendingCount], [0, 0], 'memory of lwIP or a timer is left');
}

function stackAt({ time }: TunnelWorld, party: Party, randomSeed: number): Stack {
  const output = (packet: Uint8Array): void => void party.module.encapsulate(packet);
  const stack = new Stack({ clock: time, timers: time, random: new SeededRandom(randomSeed), output });
  stack.configure(party.addresses, MTU);
  party.deliver = (packet) => stack.input(packet);
  return stack;
}

interface Friends {
  readonly stacks: readonly Stack[];
  readonly ends: readonly Peer[];
}

function befriend({ time, victim }: TunnelWorld, at: Stack, from: Stack): Friends {
  const [client, server] = [new Peer(), new Peer()];
  at.listenTcp({ address: '::', port: 7, backlog: 1 }, (connection) => void server.attach(connection));
  client.attach(from.connectTcp({ remote: { address: victim.addresses.ipv6, port: 7 } }, client));
  time.runUntil(() => client.seen('connected') && server.attached, 5_000);
  return { stacks: [at, from], ends: [client, server] };
}

function friendsTalk({ time }: TunnelWorld, { ends }: Friends): boolean {
  const bytes = new Uint8Array(20_000).fill(7);
  for (const end of ends) end.send(bytes);
  time.advance(5_000);
  return ends.every((end) => end.bytes.length === bytes.length);
}

/** What the victim's tunnels dropped and its stack was given; the stack counts those it refuses, too. */
function countedBy({ module }: Party, { counters }: Stack): number {
  return [...module.drops.values()].reduce((sum, count) => sum + count, counters.received);
}
