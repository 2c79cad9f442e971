/** A node's binding at an RS, by its own socket and by that of another interface. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { RelayBindings, type RelayPath } from '../../../core/negotiation/relay-bindings';
import type { Sender } from '../../../core/runtime';
import type { Endpoint } from '../../../core/wire/addresses';
import { RELAY_HEADER_LENGTH, RELAY_MAGIC, writeRelayHeader } from '../../../core/wire/relay-frame';
import { Signalling } from '../../../core/wire/signalling';
import { pass, settle } from '../../support/memory-datagrams';
import { at, RelayWorld, rsAt } from '../../support/relay-world';

const [OWN, OTHER] = [at(1), at(7)];

describe('a binding at a relay server', () => {
  let world: RelayWorld;
  let bindings: RelayBindings;
  let path: RelayPath;
  /** From where the peer's frames come to this node, and where the RS is said to see it. */
  let heard: { at: Endpoint[]; observed: Endpoint[]; moved: number; lost: string[] };
  let peerHears: () => number;
  let other: Sender;

  beforeEach(async () => {
    world = new RelayWorld();
    heard = { at: [], observed: [], moved: 0, lost: [] };
    const { time, random, network } = world;
    const attach = (local: Endpoint): Sender => {
      const send = network.attach(local, (datagram, from) => {
        if (datagram[0] !== RELAY_MAGIC) return signalling.receive(datagram, from);
        if (bindings.receive(datagram, from)) heard.at.push(local);
      });
      return { send };
    };
    const [own, by] = [attach(OWN), new Map<Endpoint, Sender>()];
    other = attach(OTHER);
    const ports = {
      send: (datagram: Uint8Array, to: Endpoint): void => (by.get(to) ?? own).send(datagram, to),
      sendBy: (each: Sender, to: Endpoint): void => void by.set(to, each),
    };
    const signalling = new Signalling<Endpoint>({
      ...{ party: 'node', part: 'node', clock: time, timers: time, random, trace() {}, transmit: ports.send },
    });
    bindings = new RelayBindings({
      ...{ clock: time, timers: time, signalling, ports, canSendTo: () => true, isWanted: () => true },
      onObserved: (_, observed) => heard.observed.push(observed),
      onMoved: () => void heard.moved++,
      onLost: (_, __, reason) => void heard.lost.push(reason),
    });
    const { pathId, keys, sides } = await world.path();
    path = await settle(time, bindings.bind('b.test', { endpoints: [rsAt], pathId, key: keys[0]! }));
    await sides[1].bind(at(2));
    peerHears = () => sides[1].received.length;
  });
  afterEach(() => {
    bindings.close();
    world.rs.close();
  });

  /** A frame each way. The result: how many more the peer has heard, and where this node has heard it. */
  async function exchange(): Promise<[number, Endpoint | undefined]> {
    const before = peerHears();
    heard.at = [];
    const frame = new Uint8Array(64);
    writeRelayHeader(frame, path.pathId);
    frame[RELAY_HEADER_LENGTH] = 4; // data
    bindings.send(frame, path);
    await pass(world.time, 10);
    await world.frame(path.pathId, at(2));
    await pass(world.time, 10);
    return [peerHears() - before, heard.at[0]];
  }

  it('by another interface -> frames go and come by it at once, and so does what keeps it bound; and back', async () => {
    assert.deepEqual(await exchange(), [1, OWN]);
    bindings.reachBy(path, other);
    assert.deepEqual(await exchange(), [1, OTHER]);
    assert.equal(heard.moved, 1);
    assert.deepEqual(heard.observed, [OWN], 'where the other is seen says nothing of the own sockets');
    await pass(world.time, 60_000);
    assert.deepEqual(await exchange(), [1, OTHER]);
    bindings.reachBy(path, undefined);
    assert.deepEqual(await exchange(), [1, OWN]);
    assert.deepEqual(heard.lost, []);
  });

  it('the host moves -> all goes by its own way', async () => {
    bindings.reachBy(path, other);
    await exchange();
    bindings.hostMoved();
    assert.deepEqual(await exchange(), [1, OWN]);
  });

  it('it was asked by its own way, which is silent, and is bound by another -> not lost', async () => {
    world.network.lose = (_, from, to) => [from, to].some(({ port }) => port === OWN.port);
    bindings.doubt(path);
    await pass(world.time, 500);
    bindings.reachBy(path, other);
    await pass(world.time, 5_000);
    assert.deepEqual(heard.lost, []);
    assert.deepEqual(await exchange(), [1, OTHER]);
  });

  it('called -> an answer is heard; none -> nothing follows', async () => {
    const { time, network } = world;
    await pass(time, 5_000);
    const callAt = time.now();
    bindings.call(path);
    await pass(time, 10);
    assert(bindings.heardMs(path) >= callAt);
    network.latencyMs = () => 150;
    const farAt = time.now();
    bindings.call(path);
    await pass(time, 1_000);
    assert(bindings.heardMs(path) >= farAt, 'after more than the time of one try');
    network.latencyMs = () => 1;
    network.lose = () => true;
    bindings.call(path);
    await pass(time, 5_000);
    assert.deepEqual(heard.lost, []);
    network.lose = () => false;
    assert.deepEqual(await exchange(), [1, OWN]);
  });
});
