import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { sourceOf } from '../../../servers/account/login-attempts';
import { PasswordQueue } from '../../../servers/account/password-queue';
import { pass, settle } from '../../support/memory-datagrams';
import { ServerWorld } from '../../support/server-world';
import { SimulatedNode } from '../../support/simulated-node';

const at = (n: number, address = `203.0.113.${n}`) => ({ address, port: 4000 + n });

describe('login attempts', () => {
  it('logged in from an address: guesses from elsewhere without end -> in from there, limited from other addresses', async () => {
    const world = await ServerWorld.start();
    await new SimulatedNode(world, 'alice', at(1)).login();
    for (let i = 0; i < 30; i++) await assert.rejects(new SimulatedNode(world, 'alice', at(100 + i)).login('wrong'));
    await assert.rejects(new SimulatedNode(world, 'alice', at(2)).login(), { refusal: 'login-limited' });
    await new SimulatedNode(world, 'alice', at(3, at(1).address)).login();
    assert.equal(world.as.refusals.get('wrong password'), 20);
    assert.equal(world.as.refusals.get('too many failures'), 11);
  });

  it('logged in from an address: guesses from that address -> 20, then limited; one more after ten seconds', async () => {
    const world = await ServerWorld.start();
    const guess = () => new SimulatedNode(world, 'alice', at(1)).login('wrong');
    await new SimulatedNode(world, 'alice', at(1)).login();
    for (let i = 0; i < 20; i++) await assert.rejects(guess(), { refusal: 'login-refused' });
    await assert.rejects(guess(), { refusal: 'login-limited' });
    await pass(world.time, 10_000);
    await assert.rejects(guess(), { refusal: 'login-refused' });
    await assert.rejects(guess(), { refusal: 'login-limited' });
  });

  it('two hundred nodes behind one address -> none is limited', async () => {
    const world = await ServerWorld.start();
    for (let i = 0; i < 200; i++) await new SimulatedNode(world, 'alice', at(i, '203.0.113.1'), `n${i}`).login();
    assert.equal(world.as.refusals.size, 0);
  });

  it('source: IPv4 -> the address; IPv6 -> its /64', () => {
    assert.equal(sourceOf('192.0.2.7'), '192.0.2.7');
    assert.equal(sourceOf('2001:db8::1'), sourceOf('2001:db8::ffff:2'));
    assert.notEqual(sourceOf('2001:db8::1'), sourceOf('2001:db8:0:1::1'));
  });

  it('a flood of strangers: one who logged in before -> is served before most of them; beyond the queue -> limited at once', async () => {
    const world = await ServerWorld.start();
    const known = new SimulatedNode(world, 'alice', at(1));
    await known.login();
    world.passwordMs = 100;
    const flood = Array.from({ length: 60 }, (_, i) =>
      new SimulatedNode(world, `u${i}`, at(i, `198.51.100.${i}`))
        .login('guess')
        .catch((error: { refusal: string }) => error.refusal),
    );
    await known.login();
    const refusals = await settle(world.time, Promise.all(flood));
    assert.equal(refusals.filter((refusal) => refusal === 'login-limited').length, 60 - 4 - 28);
    assert.equal(world.as.refusals.get('too many at once'), 28);
  });
});

describe('password queue', () => {
  it('four at once, 28 wait, of one source 14; those known are taken first, three to one', async () => {
    const queue = new PasswordQueue();
    const order: string[] = [];
    const finish: (() => void)[] = [];
    const enter = (source: string, isKnown: boolean, label = source) =>
      queue.run(source, isKnown, () => {
        order.push(label);
        return new Promise<true>((resolve) => finish.push(() => resolve(true)));
      });
    const entered = Array.from({ length: 20 }, () => enter('flood', false));
    assert.deepEqual(await Promise.all(entered.slice(18)), [undefined, undefined]);
    assert.equal(order.length, 4);
    for (let i = 0; i < 4; i++) entered.push(enter('home', true));
    for (let i = 0; i < 14; i++) entered.push(enter('elsewhere', false));
    assert.equal(await enter('late', false), undefined);
    for (let done = 0; done < 36; done++) {
      finish[done]!();
      await new Promise(setImmediate);
    }
    const after = order.slice(4);
    assert.deepEqual(after.slice(0, 5), ['home', 'home', 'home', 'flood', 'home']);
    assert.equal(after.length, 4 + 28);
    assert.equal((await Promise.all(entered)).filter(Boolean).length, 36);
  });
});
