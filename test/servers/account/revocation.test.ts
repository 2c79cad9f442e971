import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { readHeader } from '../../../core/wire/header';
import { messages, type MessageName } from '../../../core/wire/messages';
import { Administration } from '../../../servers/account/administration';
import { pass } from '../../support/memory-datagrams';
import { OTHER_ZONE, ports, ServerWorld, ZONE } from '../../support/server-world';
import { SimulatedNode } from '../../support/simulated-node';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 });
/** Beyond the time in which the AS looks at the store, and what a notification may take. */
const NOTICED_MS = 3_000;

describe('revocation', () => {
  let world: ServerWorld;
  let admin: Administration;
  let alice: SimulatedNode;
  let worker: SimulatedNode;
  let bob: SimulatedNode;

  beforeEach(async () => {
    world = await ServerWorld.start();
    admin = new Administration(world.store, world.time, world.random);
    alice = new SimulatedNode(world, 'alice', at(1));
    worker = new SimulatedNode(world, 'alice', at(2), 'worker');
    bob = new SimulatedNode(world, 'bob', at(3));
    for (const node of [alice, worker, bob]) await node.join();
  });

  const noticed = () => pass(world.time, NOTICED_MS);
  const leftToTell = async () => (await world.store.revocations.zones()).length;

  it('two nodes introduced: the account of one disabled -> both of its nodes are told, out, and not let in', async () => {
    await alice.direct(`bob.${ZONE}`);
    await admin.disable('alice');
    await noticed();
    assert.deepEqual([alice.sessionEnds, worker.sessionEnds], [['disabled'], ['disabled']]);
    assert.deepEqual([bob.sessionEnds, bob.tunnelEnds], [[], [`alice.${ZONE}`]]);
    await assert.rejects(alice.keepAlive(), { refusal: 'revoked' });
    await assert.rejects(alice.direct(`bob.${ZONE}`), { refusal: 'revoked' });
    await assert.rejects(bob.direct(`alice.${ZONE}`), { refusal: 'node-absent' });
    await assert.rejects(alice.login(), { refusal: 'login-refused' });
    assert.equal(alice.stream, undefined, 'the NS has closed the connection');
    assert.equal(await leftToTell(), 0);
    assert.equal(world.as.refusals.get('disabled'), 1);
  });

  it('disabled: enabled -> logs in with the same password', async () => {
    await admin.disable('alice');
    await admin.enable('alice');
    await alice.join();
    assert.equal(await leftToTell(), 0, 'the DC has heard of the end before the new session began');
    await alice.keepAlive();
  });

  it('introduced the other way round: one revoked -> who was asked for is told', async () => {
    await bob.direct(`worker.alice.${ZONE}`);
    await admin.removeNode(`worker.alice.${ZONE}`);
    await noticed();
    assert.deepEqual([worker.sessionEnds, alice.sessionEnds], [['node-removed'], []]);
    assert.deepEqual(bob.tunnelEnds, [`worker.alice.${ZONE}`]);
    assert.deepEqual(
      (await world.store.nodes.list('alice')).map(({ fqdn }) => fqdn),
      [`alice.${ZONE}`],
    );
    const before = await world.store.assignments.find(ZONE, `worker.alice.${ZONE}`);
    await worker.join();
    assert.equal(await world.store.assignments.find(ZONE, `worker.alice.${ZONE}`), before);
  });

  it('password changed -> sessions end; with --keep-sessions -> they go on', async () => {
    await admin.setPassword('bob', 'hash of new', true);
    await noticed();
    await bob.keepAlive();
    await admin.setPassword('bob', 'hash of newer', false);
    await noticed();
    assert.deepEqual(bob.sessionEnds, ['password']);
    await assert.rejects(bob.login(), { refusal: 'login-refused' });
    await bob.login('newer');
  });

  it('account removed -> its keys and nodes are gone, its sessions end', async () => {
    const { kept } = await admin.addKey('alice', { once: false, lifetimeMs: null, node: null, nodePrefix: null });
    await admin.remove('alice');
    await noticed();
    assert.deepEqual(worker.sessionEnds, ['removed']);
    assert.equal(await world.store.joinKeys.find(kept.id), undefined);
    await assert.rejects(admin.disable('alice'), /no account alice/);
  });

  it('DC of another zone: its node was introduced to the revoked one -> it is told by its own DC', async () => {
    await world.startSecondZone();
    const dora = new SimulatedNode(world, 'dora', at(4));
    await dora.join();
    await dora.direct(`alice.${ZONE}`);
    await bob.direct(`dora.${OTHER_ZONE}`);
    await admin.disable('alice');
    await noticed();
    assert.deepEqual(dora.tunnelEnds, [`alice.${ZONE}`]);
    await admin.disable('dora');
    await noticed();
    assert.deepEqual([bob.tunnelEnds, dora.sessionEnds], [[`dora.${OTHER_ZONE}`], ['disabled']]);
  });

  it('DC away: revoked -> it hears when it is back', async () => {
    world.network.detach(ports.dc);
    await admin.disable('alice');
    await pass(world.time, 60_000);
    assert.equal(await leftToTell(), 1);
    world.network.attach(ports.dc, (datagram, from) => world.dc.receive(datagram, from));
    await pass(world.time, 35_000);
    assert.deepEqual([await leftToTell(), alice.sessionEnds], [0, ['disabled']]);
  });

  it('DC killed after it has acknowledged -> restored without the session', async () => {
    await admin.disable('alice');
    await noticed();
    await world.crashCoordinator();
    await assert.rejects(alice.keepAlive(), { keyUnknown: true });
    await bob.keepAlive();
  });

  it('DC has forgotten whom it introduced: a node asks about its tunnels -> told who is out', async () => {
    await bob.direct(`alice.${ZONE}`);
    await noticed(); // where it is, is on disk
    await world.crashCoordinator();
    await admin.disable('alice');
    await noticed();
    assert.deepEqual(bob.tunnelEnds, []);
    const correspondents = [alice, worker].map(({ keys }, i) => ({
      fqdn: [`alice.${ZONE}`, `worker.alice.${ZONE}`][i]!,
      publicKey: keys.publicKey,
    }));
    const answer = await bob.ask({ name: 'tunnelCheck', body: { correspondents } });
    assert.deepEqual(answer.body, { ended: correspondents.map(({ fqdn }) => fqdn) });
    await bob.keepAlive();
  });

  it('asked about tunnels with those who belong, by their keys -> nobody is out; by another key -> out', async () => {
    const ask = async (publicKey: Uint8Array) =>
      (await bob.ask({ name: 'tunnelCheck', body: { correspondents: [{ fqdn: `alice.${ZONE}`, publicKey }] } })).body;
    assert.deepEqual(await ask(alice.keys.publicKey), { ended: [] });
    assert.deepEqual(await ask(bob.keys.publicKey), { ended: [`alice.${ZONE}`] });
  });

  it('a node sends Revocation -> malformed; nothing happens', async () => {
    const body = { fqdn: `bob.${ZONE}`, below: true, reason: 'disabled' as const };
    await assert.rejects(alice.ask({ name: 'revocation', body }), { refusal: 'malformed' });
    await bob.keepAlive();
  });

  const isType = (datagram: Uint8Array, name: MessageName) => readHeader(datagram)?.type === messages[name].type;

  it('login in flight, its key overtaken by the Revocation -> refused, and no session is left', async () => {
    let told = false;
    world.network.lose = (datagram, from) => {
      if (from.port === ports.dc.port && isType(datagram, 'revocationAck')) told = true;
      const isKey = from.port === ports.as.port && isType(datagram, 'keyDistribution');
      if (isKey && !told) void admin.disable('bob');
      return isKey && !told;
    };
    await assert.rejects(bob.login(), { refusal: 'login-refused' });
    assert.equal(told, true);
    await noticed();
    assert.equal(world.dc.registrations.session(`bob.${ZONE}`), undefined);
  });

  it('acknowledged by the DC -> on its disk, too', async () => {
    let stored: ReturnType<typeof world.store.sessions.restore> | undefined;
    world.network.lose = (datagram) => {
      if (isType(datagram, 'revocationAck')) stored ??= world.store.sessions.restore(ZONE, 0);
      return false;
    };
    await admin.disable('alice');
    await noticed();
    assert.deepEqual(
      (await stored)?.map(({ fqdn }) => fqdn),
      [`bob.${ZONE}`],
    );
  });
});

describe('two programs with one name', () => {
  const instance = (n: number) => new Uint8Array(8).fill(n);

  it('a later login -> the earlier is told; yielding, it has the name again when the later is gone', async () => {
    const world = await ServerWorld.start();
    const [earlier, later] = [1, 2].map((n) => new SimulatedNode(world, 'alice', at(n)));
    await earlier!.login('right', { instance: instance(1) });
    await earlier!.register();
    await later!.login('right', { instance: instance(2) });
    await later!.register();
    await pass(world.time, 100);
    assert.deepEqual([earlier!.sessionEnds, later!.sessionEnds], [['replaced'], []]);
    await assert.rejects(earlier!.login('right', { instance: instance(1), yielding: true }), { refusal: 'replaced' });
    await later!.keepAlive();
    later!.deregister();
    await pass(world.time, 10);
    await earlier!.login('right', { instance: instance(1), yielding: true });
    await earlier!.register();
  });

  it('the same program logs in again -> it is not told that it was replaced', async () => {
    const world = await ServerWorld.start();
    const alice = new SimulatedNode(world, 'alice', at(1));
    for (let i = 0; i < 2; i++) {
      await alice.login('right', { instance: instance(1) });
      await alice.register();
    }
    await pass(world.time, 100);
    assert.deepEqual(alice.sessionEnds, []);
  });
});
