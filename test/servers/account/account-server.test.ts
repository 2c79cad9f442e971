import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { generateKeyPair } from '../../../core/wire/keys';
import type { Message } from '../../../core/wire/messages';
import { hashPassword, verifyPassword } from '../../../servers/account/password';
import { freeBlocks, ulaNetwork } from '../../../servers/account/address-blocks';
import { pass, settle } from '../../support/memory-datagrams';
import { ports, ServerWorld, ZONE } from '../../support/server-world';
import { expectBody, SimulatedNode } from '../../support/simulated-node';
import { SeededRandom } from '../../support/virtual-time';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 });

describe('account server', () => {
  it('known account: node label given -> a name below the account', async () => {
    const world = await ServerWorld.start();
    const { fqdn } = await new SimulatedNode(world, 'Alice', at(1), 'Worker-1').login();
    assert.equal(fqdn, `worker-1.alice.${ZONE}`);
  });

  it('a DC with both IP versions: a node logs in -> is told of both, where the AS knows it to be first', async () => {
    const world = await ServerWorld.start();
    const [ipv6, elsewhere] = ['2001:db8::1', '192.0.2.77'].map((address) => ({ address, port: 2 }));
    world.dc.signalling.handle('keyDistribution', () => ({
      name: 'keyDistributionAck',
      body: { endpoints: [elsewhere!, ipv6!] },
    }));
    const node = new SimulatedNode(world, 'alice', at(1));
    await node.login();
    assert.deepEqual(node.coordinatorEndpoints, [ports.dc, ipv6]);
  });

  for (const label of ['-x', 'a.b', 'ä', 'x_y', ' ']) {
    it(`known account: node label "${label}" -> malformed`, async () => {
      const world = await ServerWorld.start();
      await assert.rejects(new SimulatedNode(world, 'alice', at(1), label).login(), { refusal: 'malformed' });
    });
  }

  it('unknown account, wrong password -> refused alike, and a password is verified for both', async () => {
    const world = await ServerWorld.start();
    await assert.rejects(new SimulatedNode(world, 'nobody', at(1)).login(), { refusal: 'login-refused' });
    await assert.rejects(new SimulatedNode(world, 'alice', at(2)).login('wrong'), { refusal: 'login-refused' });
    assert.equal(world.passwordsVerified, 2);
  });

  it('twenty failures for an account: right password -> limited; ten seconds later -> in', async () => {
    const world = await ServerWorld.start();
    for (let i = 0; i < 20; i++) {
      await assert.rejects(new SimulatedNode(world, 'alice', at(i)).login('wrong'), { refusal: 'login-refused' });
    }
    await assert.rejects(new SimulatedNode(world, 'alice', at(1)).login(), { refusal: 'login-limited' });
    await new SimulatedNode(world, 'bob', at(1)).login();
    await pass(world.time, 10_000);
    await new SimulatedNode(world, 'alice', at(1)).login();
  });

  it('sixty failures from one address: right password from there -> limited, from elsewhere -> in', async () => {
    const world = await ServerWorld.start();
    for (let i = 0; i < 62; i++) {
      await assert.rejects(new SimulatedNode(world, `u${i}`, at(1)).login('wrong'));
    }
    await assert.rejects(new SimulatedNode(world, 'alice', at(1)).login(), { refusal: 'login-limited' });
    await new SimulatedNode(world, 'alice', at(2)).login();
  });

  it('a hundred successes in a row -> none is limited', async () => {
    const world = await ServerWorld.start();
    for (let i = 0; i < 100; i++) await new SimulatedNode(world, 'alice', at(1)).login();
  });

  it('configured: challenge used twice, wrong, or after a minute -> refused', async () => {
    const world = await ServerWorld.start();
    const { signalling } = new SimulatedNode(world, 'alice', at(1));
    const pinned = { publicKey: world.identities.as.publicKey, party: 'as' as const, name: 'as' };
    const configure = async () => {
      const message: Message = {
        name: 'configurationRequest',
        body: { account: 'alice', node: null, password: 'right' },
      };
      const { peer, answer } = signalling.firstContact(ports.as, message, generateKeyPair(world.random), pinned);
      const { challenge } = expectBody(await settle(world.time, answer), 'configurationResponse');
      return (used = challenge) => {
        const body = { challenge: used, publicKey: new Uint8Array(32) };
        return settle(world.time, signalling.request(peer, ports.as, { name: 'loginRequest', body }));
      };
    };
    const twice = await configure();
    assert.equal((await twice()).name, 'loginResponse');
    await assert.rejects(twice(), { refusal: 'login-refused' });
    await assert.rejects((await configure())(new Uint8Array(16)), { refusal: 'login-refused' });
    const late = await configure();
    await pass(world.time, 61_000);
    await assert.rejects(late(), { keyUnknown: true });
  });

  it('DC away: login -> unavailable', async () => {
    const world = await ServerWorld.start();
    world.network.detach(ports.dc);
    const node = new SimulatedNode(world, 'alice', at(1));
    await assert.rejects(node.login(), { refusal: 'unavailable' });
  });
});

describe('password hash', () => {
  const cost = { logN: 4, r: 8, p: 1 };
  it('made: the password verified -> true, another -> false, what is no hash -> false', async () => {
    const hash = await hashPassword('pässword', new SeededRandom(1), cost);
    assert.match(hash, /^scrypt\$4\$8\$1\$/);
    assert.equal(await verifyPassword('pässword', hash), true);
    assert.equal(await verifyPassword('pa\u0308ssword', hash), true);
    assert.equal(await verifyPassword('password', hash), false);
    for (const none of ['', 'scrypt$4$8$1$$', 'scrypt$x$8$1$aa$bb', 'scrypt$30$8$1$aa$bb', hash.slice(0, -4)]) {
      assert.equal(await verifyPassword('pässword', none), false, none);
    }
  });
});

describe('address blocks', () => {
  it('sixteen given away -> distinct, then none', () => {
    const globalId = Uint8Array.of(0, 1, 0, 0, 0xff);
    const taken: Parameters<typeof freeBlocks>[1][number][] = [];
    for (let blocks = freeBlocks(globalId, taken); blocks; blocks = freeBlocks(globalId, taken)) {
      taken.push({ ...blocks, zone: '' });
    }
    assert.equal(taken.length, 16);
    assert.deepEqual([taken[0]?.ipv4Block, taken[0]?.ipv6Prefix], ['198.18.0.0/19', 'fd00:100:ff:1::/64']);
    assert.deepEqual([taken[15]?.ipv4Block, taken[15]?.ipv6Prefix], ['198.19.224.0/19', 'fd00:100:ff:10::/64']);
    assert.equal(ulaNetwork(globalId), 'fd00:100:ff::/48');
  });

  it('DCs for more nodes than others -> larger blocks, which overlap with none; too many -> none', () => {
    const globalId = Uint8Array.of(0, 1, 0, 0, 0xff);
    const taken: Parameters<typeof freeBlocks>[1][number][] = [];
    for (const nodes of [8_190, 50_000, 8_191, 1]) {
      taken.push({
        ...{ zone: '', fqdn: '', publicKey: globalId, endpoint: at(1) },
        ...freeBlocks(globalId, taken, nodes)!,
      });
    }
    assert.deepEqual(
      taken.map(({ ipv4Block }) => ipv4Block),
      ['198.18.0.0/19', '198.19.0.0/16', '198.18.64.0/18', '198.18.32.0/19'],
    );
    assert.equal(new Set(taken.map(({ ipv6Prefix }) => ipv6Prefix)).size, 4);
    assert.equal(freeBlocks(globalId, taken, 50_000), undefined);
    assert.equal(freeBlocks(globalId, [], 131_070)?.ipv4Block, '198.18.0.0/15');
    assert.equal(freeBlocks(globalId, [], 131_071), undefined);
  });
});
