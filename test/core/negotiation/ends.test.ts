/** What whole nodes do when the operator puts one of them out, or another program takes a name. On virtual time. */
import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'mocha';
import type { NtmError } from '../../../core/errors';
import { Administration } from '../../../servers/account/administration';
import { pass, settle } from '../../support/memory-datagrams';
import { closeWorld, WorldNode, type Dialog } from '../../support/node-world';
import { ports, ServerWorld, ZONE } from '../../support/server-world';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 + n });

describe('a node that is put out of the network', () => {
  let world: ServerWorld;
  let admin: Administration;
  let alice: WorldNode;
  let bob: WorldNode;
  let dialog: Dialog;

  async function begin(route: 'auto' | 'relay' = 'auto'): Promise<void> {
    world = await ServerWorld.start({ withRelay: true });
    admin = new Administration(world.store, world.time, world.random);
    alice = new WorldNode(world, 'alice', at(1), route);
    bob = new WorldNode(world, 'bob', at(2));
    bob.echo(80);
    await bob.join();
    await alice.join();
    dialog = await alice.connect(bob, 80);
  }

  afterEach(() => closeWorld(world, alice, bob));

  const tunnelsOf = ({ node }: WorldNode): number => node.statistics().tunnels.length;
  const codeOf = (error: Error | undefined) => (error as NtmError | undefined)?.code;

  it('connected: its account is disabled -> the connection is reset on both sides, and it says why', async () => {
    await begin();
    await admin.disable('alice');
    await pass(world.time, 3_000);
    assert.equal(dialog.failure, 'ECONNRESET');
    assert.deepEqual([tunnelsOf(alice), tunnelsOf(bob)], [0, 0]);
    assert.equal(codeOf(alice.node.loginError), 'NTM_REVOKED');
    assert.match(alice.node.loginError!.message, /account was disabled/);
    assert.deepEqual(alice.failures.map(codeOf), ['NTM_REVOKED']);
    await assert.rejects(settle(world.time, alice.node.lookup(bob.fqdn)), { code: 'NTM_REVOKED' });
    await assert.rejects(bob.connect(alice, 80), { code: 'NTM_NODE_ABSENT' });
  });

  it('disabled -> it does not ask the AS again for half a minute; enabled -> it is back within two', async () => {
    await begin();
    await admin.disable('alice');
    await pass(world.time, 3_000);
    const { passwordsVerified } = world;
    const connects = world.connectStream.bind(world);
    let connections = 0;
    world.connectStream = (...to) => (connections++, connects(...to));
    await pass(world.time, 26_000);
    assert.equal(world.passwordsVerified, passwordsVerified);
    assert(connections < 10, `${connections} connections to the NS`);
    await admin.enable('alice');
    await pass(world.time, 120_000);
    assert.equal(alice.node.loginError, undefined);
    await alice.connect(bob, 80);
  });

  it('disabled: the login that follows is refused -> the error still says why', async () => {
    await begin();
    await admin.disable('alice');
    await pass(world.time, 90_000);
    assert.equal(codeOf(alice.node.loginError), 'NTM_LOGIN_REFUSED');
    assert.match(alice.node.loginError!.message, /account was disabled/);
  });

  it('it ignores all that the DC says -> its peers do not answer it', async () => {
    await begin();
    world.network.lose = (_, from, to) => from.port === ports.dc.port && to.address === at(1).address;
    await admin.disable('alice');
    await pass(world.time, 5_000);
    assert.deepEqual([tunnelsOf(alice), tunnelsOf(bob)], [1, 0]);
    const { length } = dialog.text;
    dialog.say('is anybody there?');
    await pass(world.time, 5_000);
    assert.equal(dialog.text.slice(length), '');
    assert.equal(tunnelsOf(bob), 0);
  });

  it('connected through a relay, which hears nothing of it -> both sides have released the path', async () => {
    await begin('relay');
    world.network.lose = (_, from, to) => from.port === ports.dc.port && to.port === ports.rs.port;
    assert.equal(world.rs.paths.size, 1);
    await admin.disable('alice');
    await pass(world.time, 3_000);
    assert.equal(world.rs.paths.size, 0);
  });

  it('the DC has forgotten whom it introduced -> the tunnel ends at the next Tunnel Check', async () => {
    await begin();
    await pass(world.time, 1_000);
    const crashed = world.dc;
    await world.crashCoordinator();
    await admin.disable('alice');
    await pass(world.time, 5_000);
    assert.deepEqual([tunnelsOf(alice), tunnelsOf(bob)], [0, 1]);
    await pass(world.time, 900_000);
    assert.equal(tunnelsOf(bob), 0);
    await crashed.close(); // its timers, which a process would not have left
  });

  it('Tunnel Checks while nobody is put out, and while all servers are away -> the connection goes on', async () => {
    await begin();
    await pass(world.time, 1_000_000);
    dialog.say('still here');
    await pass(world.time, 1_000);
    assert.equal(dialog.text, 'still here');
    world.network.lose = (_, from, to) => [from, to].some(({ address }) => address === ports.as.address);
    await pass(world.time, 1_000_000);
    dialog.say(', still');
    await pass(world.time, 1_000);
    assert.equal(dialog.text, 'still here, still');
  });

  it('password changed where the node has it from, too -> it is back within seconds', async () => {
    let password = 'right';
    await begin();
    alice = alice.restarted({ password: () => password });
    await alice.join();
    password = 'new';
    await admin.setPassword('alice', 'hash of new', false);
    await pass(world.time, 10_000);
    assert.equal(alice.node.loginError, undefined);
    assert.deepEqual(alice.failures.map(codeOf), ['NTM_REVOKED']);
    await alice.connect(bob, 80);
  });

  it('its join key is removed -> out; another node of the account stays', async () => {
    await begin();
    const { key, kept } = await admin.addKey('alice', { once: false, lifetimeMs: null, node: 'ci', nodePrefix: null });
    const ci = new WorldNode(world, 'unknown', at(5), 'auto', ZONE, undefined, undefined, {
      password: () => key,
      byJoinKey: true,
    });
    await ci.join();
    assert.equal(ci.node.fqdn, `ci.alice.${ZONE}`);
    await admin.removeKey(kept.id);
    await pass(world.time, 3_000);
    assert.deepEqual([codeOf(ci.node.loginError), alice.node.loginError], ['NTM_REVOKED', undefined]);
    ci.node.close();
  });

  it('another program logs in with its name -> it says so, leaves the name there, and has it back when that ends', async () => {
    await begin();
    const other = new WorldNode(world, 'alice', at(6));
    await other.join();
    await pass(world.time, 1_000);
    assert.equal(codeOf(alice.node.loginError), 'NTM_REPLACED');
    assert.match(alice.node.loginError!.message, /another program .* NTMOBILE_NODE/);
    await pass(world.time, 300_000);
    assert.deepEqual([codeOf(alice.node.loginError), other.node.loginError], ['NTM_REPLACED', undefined]);
    assert.deepEqual([alice.failures.map(codeOf), other.failures], [['NTM_REPLACED'], []]);
    other.node.close();
    await pass(world.time, 600_000);
    assert.equal(alice.node.loginError, undefined);
  });
});
