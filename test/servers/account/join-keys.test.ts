import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { Administration, type JoinKeyOptions } from '../../../servers/account/administration';
import { parseJoinKey } from '../../../core/wire/join-key';
import { isSecretOf, newJoinKey } from '../../../servers/account/join-key';
import { pass } from '../../support/memory-datagrams';
import { ports, ServerWorld, ZONE } from '../../support/server-world';
import { SimulatedNode } from '../../support/simulated-node';
import { SeededRandom } from '../../support/virtual-time';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 });
const reusable: JoinKeyOptions = { once: false, lifetimeMs: null, node: null, nodePrefix: null };

describe('join keys', () => {
  let world: ServerWorld;
  let admin: Administration;
  beforeEach(async () => {
    world = await ServerWorld.start();
    admin = new Administration(world.store, world.time, world.random);
  });

  const node = (n: number, name: string | null = `w${n}`) => new SimulatedNode(world, 'unknown here', at(n), name);

  it('made: parsed -> its id and secret; what is kept does not hold the secret', () => {
    const { key, id, secretHash } = newJoinKey(new SeededRandom(1));
    const parsed = parseJoinKey(key);
    assert.equal(parsed?.id, id);
    assert.equal(isSecretOf(secretHash, parsed.secret), true);
    assert.equal(isSecretOf(secretHash, `${parsed.secret.slice(0, -1)}_`), false);
    for (const none of ['', 'ntmk-', key.slice(1), `${key}a`, key.toUpperCase()])
      assert.equal(parseJoinKey(none), undefined);
  });

  it('reusable: many nodes -> each joins under the account, and no password is hashed', async () => {
    const { key } = await admin.addKey('alice', reusable);
    for (let n = 1; n <= 3; n++) assert.equal((await node(n).loginByKey(key)).fqdn, `w${n}.alice.${ZONE}`);
    assert.equal(world.passwordsVerified, 0);
    assert(typeof (await world.store.joinKeys.list('alice'))[0]?.usedMs === 'number');
  });

  it('unknown, removed, wrong secret -> refused alike', async () => {
    const { key, kept } = await admin.addKey('alice', reusable);
    const wrong = `${key.slice(0, -2)}${key.endsWith('AA') ? 'BB' : 'AA'}`;
    await assert.rejects(node(1).loginByKey(wrong), { refusal: 'login-refused' });
    await assert.rejects(node(1).loginByKey('no key'), { refusal: 'login-refused' });
    await admin.removeKey(kept.id);
    await assert.rejects(node(1).loginByKey(key), { refusal: 'login-refused' });
    assert.equal(world.as.refusals.get('unknown join key'), 3);
  });

  it('account disabled -> refused', async () => {
    const { key } = await admin.addKey('alice', reusable);
    await admin.disable('alice');
    await assert.rejects(node(1).loginByKey(key), { refusal: 'login-refused' });
  });

  it('once: used by a node -> good for that node ever after, also when the first answer was lost, and for no other', async () => {
    const { key } = await admin.addKey('alice', { ...reusable, once: true });
    const first = node(1);
    let lost = 0;
    world.network.lose = (_, from, to) =>
      from.port === ports.as.port && to.address === first.local.address && lost++ === 1;
    await first.loginByKey(key);
    assert(lost > 2, 'the Login Response was lost and sent again');
    await assert.rejects(node(2).loginByKey(key), { refusal: 'key-used' });
    await first.loginByKey(key);
  });

  it('once: two nodes at the same time -> one has it', async () => {
    const { key } = await admin.addKey('alice', { ...reusable, once: true });
    const logins = await Promise.allSettled([node(1).loginByKey(key), node(2).loginByKey(key)]);
    assert.deepEqual(logins.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  });

  for (const once of [true, false]) {
    it(`${once ? 'once' : 'reusable'}, expired: a node that had joined -> in; a new one -> key-expired`, async () => {
      const { key } = await admin.addKey('alice', { ...reusable, once, lifetimeMs: 60_000 });
      const { key: unused } = await admin.addKey('alice', { ...reusable, once, lifetimeMs: 60_000 });
      const joined = node(1);
      await joined.loginByKey(key);
      await pass(world.time, 61_000);
      await joined.loginByKey(key);
      await assert.rejects(node(2).loginByKey(unused), { refusal: 'key-expired' });
    });
  }

  it('for one name, for a prefix: another name -> key-name', async () => {
    const { key: fixed } = await admin.addKey('alice', { ...reusable, node: 'printer' });
    assert.equal((await node(1, null).loginByKey(fixed)).fqdn, `printer.alice.${ZONE}`);
    assert.equal((await node(1, 'Printer').loginByKey(fixed)).fqdn, `printer.alice.${ZONE}`);
    await assert.rejects(node(2, 'other').loginByKey(fixed), { refusal: 'key-name' });
    const { key: prefix } = await admin.addKey('alice', { ...reusable, nodePrefix: 'ci-' });
    assert.equal((await node(3, 'ci-7').loginByKey(prefix)).fqdn, `ci-7.alice.${ZONE}`);
    for (const name of [null, 'web-1']) await assert.rejects(node(4, name).loginByKey(prefix), { refusal: 'key-name' });
  });

  it('removed -> the sessions of nodes that joined by it end, and no others', async () => {
    const { key } = await admin.addKey('alice', reusable);
    const [joined, other] = [node(1), new SimulatedNode(world, 'alice', at(2))];
    await joined.loginByKey(key);
    await joined.register();
    await other.join();
    assert.equal(await admin.removeKey(key), 1);
    await pass(world.time, 3_000);
    assert.deepEqual([joined.sessionEnds, other.sessionEnds], [['join-key'], []]);
    await assert.rejects(admin.removeKey(key), /no such join key/);
  });
});
