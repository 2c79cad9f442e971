/** The RS as those who use it and those who misuse it see it. */
import assert from 'node:assert/strict';
import { writeRelayHeader } from '../../../core/wire/relay-frame';
import { pass, settle } from '../../support/memory-datagrams';
import { at, RelayWorld, rsAt } from '../../support/relay-world';

describe('RS', () => {
  let world: RelayWorld;

  beforeEach(() => {
    world = new RelayWorld();
  });
  afterEach(async () => {
    world.rs.close();
    await pass(world.time, 10_000);
    assert.equal(world.time.pendingCount, 0, 'no timer is left');
  });

  it('both sides bound: a frame from each -> the other gets it, as it was', async () => {
    const { pathId, sides } = await world.boundPath();
    await world.frame(pathId, at(1), 'a');
    await world.frame(pathId, at(2), 'b');
    assert.deepEqual([sides[0].texts(), sides[1].texts()], [['b'], ['a']]);
    assert.equal(sides[1].received[0]!.length, 74);
    assert.deepEqual(world.drops(), {});
  });

  it('bind -> the answer tells where the RS sees the node', async () => {
    const { sides } = await world.path();
    const answer = await sides[0].bind(at(7));
    assert.deepEqual(answer, { name: 'relayBindAck', body: { observed: at(7), draining: false } });
  });

  it('one side bound: it sends -> nothing goes anywhere', async () => {
    const { pathId, sides } = await world.path();
    await sides[0].bind(at(1));
    await world.frame(pathId, at(1));
    assert.deepEqual(world.drops(), { 'other side unbound': 1 });
  });

  it('a side over TLS: its connection ends -> nothing is sent there, and it may bind again; an older one ends -> nothing', async () => {
    const { pathId, sides } = await world.path();
    const [first, second] = [
      { ...at(2), stream: true },
      { ...at(3), stream: true },
    ];
    await sides[0].bind(at(1));
    await sides[1].bind(first);
    world.rs.streamEnded(first);
    await world.frame(pathId, at(1), 'a');
    assert.deepEqual(world.drops(), { 'other side unbound': 1 });
    await sides[1].bind(first);
    await sides[1].bind(second);
    world.rs.streamEnded(first);
    await world.frame(pathId, at(1), 'b');
    assert.deepEqual(sides[1].texts(), ['b']);
  });

  it('a stranger knows the path: sends -> dropped, and hinted at with fewer bytes than it sent', async () => {
    const { pathId, sides } = await world.boundPath();
    const answers: Uint8Array[] = [];
    world.network.attach(at(66), (datagram) => answers.push(datagram));
    await world.frame(pathId, at(66));
    assert.deepEqual(world.drops(), { 'unbound source': 1 });
    assert.deepEqual(
      answers.map(({ length }) => length),
      [10],
    );
    assert.deepEqual([...sides[0].received, ...sides[1].received], []);
  });

  it('a stranger replays a Relay Bind from its own address -> the path stays where it was', async () => {
    const { pathId, sides } = await world.path();
    const recorded: Uint8Array[] = [];
    world.network.lose = (datagram, from) => {
      if (from.address === at(1).address) recorded.push(datagram);
      return false;
    };
    await sides[0].bind(at(1));
    await sides[1].bind(at(2));
    for (const datagram of recorded) world.network.sender(at(66))(datagram, rsAt);
    await pass(world.time, 5);
    await world.frame(pathId, at(2), 'b');
    assert.deepEqual(sides[0].texts(), ['b']);
  });

  it('a side binds from another address -> frames go there', async () => {
    const { pathId, sides } = await world.boundPath();
    await sides[0].bind(at(8));
    await world.frame(pathId, at(2), 'b');
    assert.deepEqual(sides[0].texts(), ['b']);
    await world.frame(pathId, at(1));
    assert.deepEqual(world.drops(), { 'unbound source': 1 });
  });

  it('another path id, a cut frame, another version, not WireGuard inside -> counted, nothing forwarded', async () => {
    const { pathId, sides } = await world.boundPath();
    const wrong = pathId.slice();
    wrong[7]! ^= 1;
    await world.frame(wrong, at(1));
    await world.frame(new Uint8Array(8).fill(0xff), at(1));
    await world.frame(pathId, at(1), 'x', 31);
    const send = world.network.sender(at(1));
    const frame = (change: (bytes: Uint8Array) => void): void => {
      const bytes = new Uint8Array(74);
      writeRelayHeader(bytes, pathId);
      bytes[10] = 4;
      change(bytes);
      send(bytes, rsAt);
    };
    frame((bytes) => (bytes[1] = 2));
    frame((bytes) => (bytes[10] = 0x4e));
    await pass(world.time, 5);
    assert.deepEqual(world.drops(), { 'unknown path': 2, 'not a relay frame': 3 });
    assert.deepEqual(sides[1].received, []);
  });

  it('nobody binds for 90 s -> the path ends, its keys are forgotten, its slot is used again with another id', async () => {
    const first = await world.boundPath();
    await pass(world.time, 120_000);
    assert.equal(world.rs.paths.size, 0);
    await assert.rejects(first.sides[0].bind(at(1)), { keyUnknown: true });
    const second = await world.path();
    assert.deepEqual(second.pathId.subarray(0, 4), first.pathId.subarray(0, 4));
    assert.notDeepEqual(second.pathId, first.pathId);
  });

  it('both sides release -> the path ends', async () => {
    const { sides } = await world.boundPath();
    sides[0].release();
    await pass(world.time, 2);
    assert.equal(world.rs.paths.size, 1);
    sides[1].release();
    await pass(world.time, 2);
    assert.equal(world.rs.paths.size, 0);
  });

  it('as many paths as there may be: one more -> refused as unavailable; load is 1', async () => {
    world.rs.close();
    world = new RelayWorld({ paths: 2 });
    await world.path();
    assert.equal(world.rs.load, 0.5);
    await world.path();
    assert.equal(world.rs.load, 1);
    await assert.rejects(world.path(), { refusal: 'unavailable' });
  });

  it('more bytes than a path may send -> the excess is dropped, and a second later it may send again', async () => {
    world.rs.close();
    world = new RelayWorld({ bytesPerSecond: 10_000 });
    const { pathId, sides } = await world.boundPath();
    for (let i = 0; i < 10; i++) await world.frame(pathId, at(1), 'x', 990);
    const passed = sides[1].received.length;
    assert(passed >= 2 && passed < 10, `${passed} passed`);
    assert.deepEqual(world.drops(), { rate: 10 - passed });
    await pass(world.time, 1_000);
    await world.frame(pathId, at(2), 'y');
    assert.deepEqual(sides[0].texts(), ['y']);
  });

  it("an account's quota is used up -> its paths stop, new ones are refused, other accounts are not", async () => {
    world.rs.close();
    world = new RelayWorld({ quotaBytes: 2_000 });
    const { pathId, sides } = await world.boundPath();
    for (let i = 0; i < 5; i++) await world.frame(pathId, at(1), 'x', 990);
    assert.equal(sides[1].received.length, 2);
    assert.deepEqual(world.drops(), { quota: 3 });
    await assert.rejects(world.path(), { refusal: 'relay-quota' });
    await world.path('bob');
    await pass(world.time, 25 * 3_600_000);
    await world.path();
  });

  it('the DC withdraws an account -> paths of all its nodes end, others go on; a stranger cannot', async () => {
    const ofAlice = await world.path('alice', ['worker.alice.example', 'bob.example']);
    const withAlice = await world.path('carol', ['carol.example', 'alice.example']);
    const ofMalice = await world.path('malice', ['malice.example', 'bob.example']);
    await ofMalice.sides[0].bind(at(1));
    await assert.rejects(ofMalice.sides[0].withdraw('example'), { refusal: 'malformed' });
    assert.equal(world.rs.paths.size, 3);
    await world.withdraw('alice.example');
    assert.equal(world.rs.paths.size, 1);
    for (const { sides } of [ofAlice, withAlice]) await assert.rejects(sides[1].bind(at(2)), { keyUnknown: true });
    await ofMalice.sides[0].bind(at(1));
  });

  it('draining -> no new path, binds say so, sides are told at once, frames go on', async () => {
    const { pathId, sides } = await world.boundPath();
    const drained = world.rs.drain(3_000);
    await pass(world.time, 5);
    assert.deepEqual([sides[0].hints.length, sides[1].hints.length], [1, 1]);
    await assert.rejects(world.path(), { refusal: 'unavailable' });
    await world.frame(pathId, at(1), 'a');
    assert.deepEqual(sides[1].texts(), ['a']);
    const answer = await sides[0].bind(at(1));
    assert.deepEqual(answer, { name: 'relayBindAck', body: { observed: at(1), draining: true } });
    await settle(world.time, drained);
  });

  it('draining: a node binds on, then no more -> waited for until it has been silent, and no longer', async () => {
    const { sides } = await world.boundPath();
    let ended = false;
    const drained = world.rs.drain(60_000).then(() => (ended = true));
    for (let i = 0; i < 10; i++) {
      await sides[0].bind(at(1));
      await pass(world.time, 2_000);
    }
    await pass(world.time, 7_000);
    assert.equal(ended, false);
    await pass(world.time, 2_000);
    assert.equal(ended, true);
    await drained;
  });
});
