/** The keys of sessions at DC and NS, and the names that the DC asks the AS about. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { agreedKey, sharedKey } from '../../../core/wire/keys';
import type { Message } from '../../../core/wire/messages';
import { settle } from '../../support/memory-datagrams';
import { ports, ServerWorld, ZONE } from '../../support/server-world';
import { SimulatedNode } from '../../support/simulated-node';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 });
const key = new Uint8Array(32).fill(3);
const publicKey = new Uint8Array(32).fill(2);

/** What one server asks another. */
function ask(world: ServerWorld, from: 'as' | 'dc', to: 'dc' | 'ns', message: Message): Promise<Message> {
  const { signalling } = world[from];
  const peer = { key: agreedKey(world.identities[from], world.identities[to].publicKey), party: to, name: to };
  return settle(world.time, signalling.request(signalling.addPeer(peer), ports[to], message));
}

describe('keys of sessions', () => {
  const distribute = (world: ServerWorld, fqdn: string) =>
    ask(world, 'as', 'dc', { name: 'keyDistribution', body: { fqdn, publicKey, key } });

  it('DC: the key of one name distributed for another -> refused, and the first is served', async () => {
    const world = await ServerWorld.start();
    const node = new SimulatedNode(world, 'alice', at(1));
    await distribute(world, `alice.${ZONE}`);
    await assert.rejects(distribute(world, `bob.${ZONE}`), { refusal: 'malformed' });
    node.dc = node.signalling.addPeer({ key: sharedKey(key, 0), party: 'dc', name: 'dc' });
    await node.register();
  });

  it('DC: the same key distributed again for its name -> the node is served with it', async () => {
    const world = await ServerWorld.start();
    const node = new SimulatedNode(world, 'alice', at(1));
    for (let i = 0; i < 2; i++) await distribute(world, `alice.${ZONE}`);
    node.dc = node.signalling.addPeer({ key: sharedKey(key, 0), party: 'dc', name: 'dc' });
    await node.register();
  });

  it('NS: the key of one name offered for another -> refused', async () => {
    const world = await ServerWorld.start();
    const offer = (fqdn: string) => ask(world, 'dc', 'ns', { name: 'notificationServiceRequest', body: { fqdn, key } });
    for (let i = 0; i < 2; i++) await offer(`alice.${ZONE}`);
    await assert.rejects(offer(`bob.${ZONE}`), { refusal: 'malformed' });
  });

  it('NS: a connection that is one node, registered on as another -> refused; closed -> nobody is connected', async () => {
    const world = await ServerWorld.start();
    const [one, other] = [new SimulatedNode(world, 'alice', at(1)), new SimulatedNode(world, 'alice', at(2), 'w')];
    await one.join();
    await other.join();
    const { key: otherKey } = other.ns!;
    const peer = one.streamSignalling.addPeer({ key: otherKey, party: 'ns', name: 'ns' });
    const request: Message = { name: 'notificationRegistration', body: {} };
    const again = one.streamSignalling.request(peer, undefined, request);
    await assert.rejects(settle(world.time, again), { refusal: 'malformed' });
    one.stream!.close();
    const notify = { name: 'notificationRequest' as const, body: { notificationId: new Uint8Array(8), fqdn: '' } };
    for (const [fqdn, connected] of [
      [`alice.${ZONE}`, false],
      [`w.alice.${ZONE}`, true],
    ] as const) {
      const answer = await ask(world, 'dc', 'ns', { ...notify, body: { ...notify.body, fqdn } });
      assert.deepEqual(answer.body, { connected });
    }
  });
});

describe('names that nobody can have', () => {
  for (const label of ['a b', 'a_b', '-', '', 'İ'.repeat(200)]) {
    it(`"${label.slice(0, 5)}" below the zone: asked for a direction -> no such name, and the AS is not asked`, async () => {
      const world = await ServerWorld.start();
      const node = new SimulatedNode(world, 'alice', at(1));
      await node.join();
      world.trace.length = 0;
      await assert.rejects(node.direct(`${label}.${ZONE}`), { refusal: 'no-such-name' });
      assert(!world.trace.some(({ message }) => message === 'Name Request'));
    });
  }
});
