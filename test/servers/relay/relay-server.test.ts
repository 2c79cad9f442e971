/** The RS as those who use it and those who misuse it see it. */
import assert from 'node:assert/strict';
import type { Endpoint } from '../../../core/wire/addresses';
import { sharedKey } from '../../../core/wire/keys';
import type { Message } from '../../../core/wire/messages';
import { isRelayHint, RELAY_HINT_MAGIC, writeRelayHeader } from '../../../core/wire/relay-frame';
import { Signalling } from '../../../core/wire/signalling';
import type { RelayLimits } from '../../../servers/relay/relay-paths';
import { RelayServer } from '../../../servers/relay/relay-server';
import { generateKeyPair, agreedKey } from '../../../core/wire/keys';
import { MemoryNetwork, pass, settle } from '../../support/memory-datagrams';
import { SeededRandom, VirtualTime } from '../../support/virtual-time';

const rsAt = { address: '192.0.2.4', port: 4 };
const dcAt = { address: '192.0.2.2', port: 2 };
const at = (n: number): Endpoint => ({ address: `203.0.113.${n}`, port: 4000 + n });

class RelayWorld {
  readonly time = new VirtualTime();
  readonly random = new SeededRandom(5);
  readonly network = new MemoryNetwork(this.time);
  readonly rs: RelayServer;
  private readonly dc: Signalling<Endpoint>;
  private readonly rsPeer;

  constructor(limits: Partial<RelayLimits> = {}) {
    const ports = { clock: this.time, timers: this.time, random: this.random, trace: () => {} };
    const [rsKeys, dcKeys] = [generateKeyPair(this.random), generateKeyPair(this.random)];
    const coordinator = { party: 'dc' as const, name: 'dc', publicKey: dcKeys.publicKey };
    const options = { identity: rsKeys, name: 'rs', coordinator, endpoints: [rsAt], limits };
    const transmit = this.network.attach(rsAt, (datagram, from) => this.rs.receive(datagram, from));
    this.rs = new RelayServer(options, { ...ports, transmit });
    const send = this.network.attach(dcAt, (datagram, from) => this.dc.receive(datagram, from));
    this.dc = new Signalling({ party: 'dc', part: 'dc', identity: dcKeys, ...ports, transmit: send });
    const key = agreedKey(dcKeys, rsKeys.publicKey);
    this.rsPeer = this.dc.addPeer({ key, party: 'rs', name: 'rs' });
  }

  async path(owner = 'alice'): Promise<{ pathId: Uint8Array; sides: [Side, Side] }> {
    const keys = [this.random.bytes(32), this.random.bytes(32)];
    const message: Message = { name: 'relayDirection', body: { owner, keys } };
    const answer = await settle(this.time, this.dc.request(this.rsPeer, rsAt, message));
    assert(answer.name === 'relayDirectionAck');
    assert.deepEqual(answer.body.endpoints, [rsAt]);
    const { pathId } = answer.body;
    const [mn, cn] = keys.map((key) => new Side(this, key, pathId));
    return { pathId, sides: [mn!, cn!] };
  }

  async boundPath(): Promise<{ pathId: Uint8Array; sides: [Side, Side] }> {
    const path = await this.path();
    await path.sides[0].bind(at(1));
    await path.sides[1].bind(at(2));
    return path;
  }

  /** A frame from anywhere. */
  async frame(pathId: Uint8Array, from: Endpoint, content = 'x', length = 64): Promise<void> {
    const frame = new Uint8Array(10 + length);
    writeRelayHeader(frame, pathId);
    frame[10] = 4;
    frame.set(Buffer.from(content), 11);
    this.network.sender(from)(frame, rsAt);
    await pass(this.time, 2);
  }

  drops(): Record<string, number> {
    return Object.fromEntries(this.rs.paths.drops);
  }
}

class Side {
  readonly received: Uint8Array[] = [];
  readonly hints: Uint8Array[] = [];
  private readonly signalling: Signalling<Endpoint>;
  private readonly rs;
  private local = at(99);

  constructor(
    private readonly world: RelayWorld,
    key: Uint8Array,
    readonly pathId: Uint8Array,
  ) {
    const { time, random } = world;
    const ports = { clock: time, timers: time, random, trace: () => {} };
    this.signalling = new Signalling({
      ...{ party: 'node', part: 'node', ...ports },
      transmit: (datagram, to) => world.network.sender(this.local)(datagram, to),
    });
    this.rs = this.signalling.addPeer({ key: sharedKey(key, 0), party: 'rs', name: 'rs' });
  }

  async bind(local: Endpoint): Promise<Message> {
    this.local = local;
    this.world.network.attach(local, (datagram, from) => {
      if (datagram[0] === RELAY_HINT_MAGIC && isRelayHint(datagram)) this.hints.push(datagram);
      else if (datagram[0] === 0x4e) this.signalling.receive(datagram, from);
      else this.received.push(datagram);
    });
    return settle(this.world.time, this.signalling.request(this.rs, rsAt, { name: 'relayBind', body: {} }));
  }

  release(): void {
    this.signalling.oneway(this.rs, rsAt, { name: 'relayRelease', body: {} });
  }

  texts(): string[] {
    return this.received.map((frame) => Buffer.from(frame.subarray(11, 12)).toString());
  }
}

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
});
