/** Nodes that end and come back, and processes that share a name. */
import assert from 'node:assert/strict';
import { Network, portsOf, stop, testProgram } from '../support/network';

describe('nodes that end and come back', function () {
  this.timeout(60_000);
  let network: Network;
  before(async () => (network = await Network.start()));
  after(() => network.close());

  it('a server that was killed and started again: a client that lived on asks -> answer', async () => {
    const serve = (port: string) => network.program('bob', [testProgram('http-server.cjs'), '::', port]);
    const first = serve('0');
    const [port] = await portsOf(first);
    const client = network.program('alice', [
      testProgram('ask-on-signal.cjs'),
      `http://${network.fqdn('bob')}:${port}/`,
    ]);
    await client.line((line) => line === 'status 200');
    await first.kill();
    const second = serve(String(port));
    await portsOf(second);
    await network.traced('bob', (events) => events.filter(({ event }) => event === 'logged in').length === 2);
    client.signal('SIGUSR2');
    await client.line(() => client.lines.filter((line) => line === 'status 200').length === 2);
    await stop(client);
    await stop(second);
  });

  it('a server that was killed: a client that knew it asks -> EHOSTUNREACH, caused by NTM_NODE_ABSENT', async () => {
    const bob = network.program('bob', [testProgram('http-server.cjs'), '::']);
    const [port] = await portsOf(bob);
    const url = `http://${network.fqdn('bob')}:${port}/`;
    const first = network.program('alice', [testProgram('get-cjs.cjs'), url]);
    await first.finish();
    await bob.kill();
    const second = network.program('alice', [testProgram('ask-on-signal.cjs'), url]);
    assert.equal(await second.line(), 'EHOSTUNREACH NTM_NODE_ABSENT');
    await stop(second);
  });

  it('a server that was killed: a client with a tunnel to it dials -> the same, and soon', async () => {
    const bob = network.program('bob', [testProgram('http-server.cjs'), '::']);
    const [port] = await portsOf(bob);
    const url = `http://${network.fqdn('bob')}:${port}/`;
    const client = network.program('alice', [testProgram('ask-on-signal.cjs'), url]);
    assert.equal(await client.line(), 'status 200');
    await bob.kill();
    client.signal('SIGUSR2');
    assert.equal(await client.line((line) => !line.startsWith('status')), 'EHOSTUNREACH NTM_NODE_ABSENT');
    await stop(client);
  });

  it('a server that starts another Node program: its name is asked for -> the server answers, the child never joined', async () => {
    const parent = network.program('bob', [testProgram('parent.cjs')], { node: 'parent' });
    const [port] = await portsOf(parent);
    const client = network.program('alice', [
      testProgram('ask-on-signal.cjs'),
      `http://${network.fqdn('bob')}:${port}/`,
    ]);
    assert.equal(await client.line(), 'status 200');
    await stop(client);
    await stop(parent);
    assert.equal(network.trace('parent').filter(({ event }) => event === 'logged in').length, 1);
  });
});
