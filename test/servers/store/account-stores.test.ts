/** Accounts, nodes, join keys and revocations: both stores do the same. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import type { JoinKey } from '../../../servers/store/account-store';
import { openSqliteStore } from '../../../servers/store/sqlite-store';
import type { Store } from '../../../servers/store/store';
import { temporaryDirectory } from '../../support/command';
import { memoryStore } from '../../support/memory-store';

const ZONE = 'z.test';
const bytes = (value: number): Uint8Array => new Uint8Array(32).fill(value);
const node = (fqdn: string, key = 1, joinKey: string | null = null) => ({
  ...{ fqdn, account: fqdn.split('.').at(-3)!, publicKey: bytes(key), joinKey, source: '192.0.2.1', loginMs: 5 },
});
const joinKey = (id: string, more: Partial<JoinKey> = {}): JoinKey => ({
  ...{ id, account: 'alice', secretHash: bytes(9), createdMs: 1, expiresMs: null, once: false },
  ...{ node: null, nodePrefix: null, boundTo: null, usedMs: null, ...more },
});

for (const kind of ['SQLite', 'memory'] as const) {
  describe(`account stores: ${kind}`, () => {
    let store: Store;
    let directory: ReturnType<typeof temporaryDirectory>;

    beforeEach(async () => {
      directory = temporaryDirectory();
      store = kind === 'memory' ? memoryStore() : openSqliteStore(join(directory.path, 'net'));
      for (const [i, zone] of [ZONE, 'other.test'].entries()) {
        const blocks = { ipv4Block: `198.18.${i * 32}.0/19`, ipv6Prefix: `fd00:${i}::/64` };
        await store.coordinators.put({ ...blocks, zone, fqdn: `dc.${zone}`, publicKey: bytes(i), endpoint: null });
      }
      await store.accounts.add('alice', 'h', 1);
    });
    afterEach(() => {
      store.close();
      directory.remove();
    });

    const pending = async () => (await store.revocations.pending(ZONE, 9)).map(({ fqdn, reason }) => [fqdn, reason]);
    const revoked = { fqdn: `alice.${ZONE}`, below: true, reason: 'disabled' as const };

    it('account changed with an end of sessions -> pending for every zone, until each has acknowledged', async () => {
      assert.equal(await store.accounts.change('alice', { disabled: true }, revoked), true);
      assert.equal((await store.accounts.find('alice'))?.disabled, true);
      assert.deepEqual((await store.revocations.zones()).sort(), ['other.test', ZONE]);
      const [revocation] = await store.revocations.pending(ZONE, 9);
      assert.deepEqual(revocation, { ...revoked, id: revocation!.id, zone: ZONE });
      await store.revocations.acknowledged(revocation.id);
      assert.deepEqual(await store.revocations.zones(), ['other.test']);
    });

    it('unknown account: changed, removed -> false, and nothing ends', async () => {
      assert.equal(await store.accounts.change('nobody', { disabled: true }, revoked), false);
      assert.equal(await store.accounts.remove('nobody', revoked), false);
      assert.deepEqual(await store.revocations.zones(), []);
    });

    it('pending: the same ends again -> the old acknowledgement is not for it', async () => {
      await store.revocations.add(revoked);
      const [first] = await store.revocations.pending(ZONE, 9);
      await store.revocations.add({ ...revoked, reason: 'password' });
      await store.revocations.acknowledged(first!.id);
      assert.deepEqual(await pending(), [[`alice.${ZONE}`, 'password']]);
    });

    it('pending for an account -> found for its name and those below it, and for no others', async () => {
      await store.revocations.add(revoked);
      for (const [fqdn, count] of [
        [`alice.${ZONE}`, 1],
        [`w.alice.${ZONE}`, 1],
        [`malice.${ZONE}`, 0],
        [ZONE, 0],
      ] as const) {
        assert.equal((await store.revocations.pendingOf(ZONE, fqdn)).length, count, fqdn);
      }
      assert.equal((await store.revocations.pendingOf('nowhere.test', `alice.${ZONE}`)).length, 0);
    });

    it('nodes logged in: their account disabled -> ended, until they log in again', async () => {
      for (const fqdn of [`alice.${ZONE}`, `w.alice.${ZONE}`, `bob.${ZONE}`]) await store.nodes.loggedIn(node(fqdn));
      await store.accounts.change('alice', { disabled: true }, revoked);
      const ended = async () => (await store.nodes.list()).filter((each) => each.ended).map(({ fqdn }) => fqdn);
      assert.deepEqual(await ended(), [`alice.${ZONE}`, `w.alice.${ZONE}`]);
      await store.nodes.loggedIn(node(`alice.${ZONE}`, 2));
      assert.deepEqual(await ended(), [`w.alice.${ZONE}`]);
      assert.deepEqual((await store.nodes.find(`alice.${ZONE}`))?.publicKey, bytes(2));
    });

    it('node removed -> listed no more, and still known to have ended; logged in -> listed again', async () => {
      const fqdn = `w.alice.${ZONE}`;
      const end = { fqdn, below: false, reason: 'node-removed' as const };
      assert.equal(await store.nodes.remove(fqdn, end), false);
      await store.nodes.loggedIn(node(fqdn));
      assert.equal(await store.nodes.remove(fqdn, end), true);
      assert.equal(await store.nodes.remove(fqdn, end), false);
      assert.deepEqual(await store.nodes.list('alice'), []);
      assert.equal((await store.nodes.find(fqdn))?.ended, true);
      await store.nodes.loggedIn(node(fqdn));
      assert.deepEqual(await store.nodes.list('alice'), [{ ...node(fqdn), ended: false }]);
    });

    it('where an account has logged in from -> remembered for that account', async () => {
      await store.nodes.loggedIn(node(`alice.${ZONE}`));
      assert.equal(await store.nodes.hasLoggedInFrom('alice', '192.0.2.1'), true);
      assert.equal(await store.nodes.hasLoggedInFrom('alice', '192.0.2.2'), false);
      assert.equal(await store.nodes.hasLoggedInFrom('bob', '192.0.2.1'), false);
    });

    it('join key good once -> bound to its first node; reusable -> to none; removed -> gone', async () => {
      await store.joinKeys.add(joinKey('once', { once: true, expiresMs: 7, nodePrefix: 'ci-' }));
      await store.joinKeys.add(joinKey('many'));
      assert.equal(await store.joinKeys.use('once', bytes(1), 10), 'used');
      assert.equal(await store.joinKeys.use('once', bytes(2), 11), 'taken');
      assert.equal(await store.joinKeys.use('once', bytes(1), 12), 'used');
      for (const key of [1, 2]) assert.equal(await store.joinKeys.use('many', bytes(key), 13), 'used');
      assert.deepEqual(await store.joinKeys.list('alice'), [
        joinKey('many', { usedMs: 13 }),
        joinKey('once', { once: true, expiresMs: 7, nodePrefix: 'ci-', boundTo: bytes(1), usedMs: 12 }),
      ]);
      assert.equal(await store.joinKeys.remove('once'), 0);
      assert.equal(await store.joinKeys.use('once', bytes(1), 14), 'gone');
      assert.equal(await store.joinKeys.remove('once'), undefined);
    });

    it('join key removed -> the sessions of nodes that last joined by it end', async () => {
      await store.joinKeys.add(joinKey('k'));
      await store.nodes.loggedIn(node(`a.alice.${ZONE}`, 1, 'k'));
      await store.nodes.loggedIn(node(`b.alice.${ZONE}`, 2, 'k'));
      await store.nodes.loggedIn(node(`b.alice.${ZONE}`, 2));
      assert.equal(await store.joinKeys.remove('k'), 1);
      assert.deepEqual(await pending(), [[`a.alice.${ZONE}`, 'join-key']]);
    });

    it('account removed -> its nodes and join keys are gone, its sessions end', async () => {
      await store.joinKeys.add(joinKey('k'));
      await store.nodes.loggedIn(node(`alice.${ZONE}`));
      assert.equal(await store.accounts.remove('alice', { ...revoked, reason: 'removed' }), true);
      assert.deepEqual([await store.nodes.list(), await store.joinKeys.list()], [[], []]);
      assert.deepEqual(await pending(), [[`alice.${ZONE}`, 'removed']]);
    });

    it('zone removed -> its blocks of addresses are remembered, and nothing is left to tell its DC', async () => {
      await store.coordinators.remove('other.test');
      await store.revocations.add(revoked);
      assert.deepEqual(await store.revocations.zones(), [ZONE]);
      assert.deepEqual(
        (await store.coordinators.blocks()).map(({ zone }) => zone),
        ['other.test', ZONE],
      );
    });
  });
}
