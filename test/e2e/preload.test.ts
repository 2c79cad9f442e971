/** What a program pays for the preload that it does not use. */
import assert from 'node:assert/strict';
import { Network } from '../support/network';

describe('a program that names no node', function () {
  this.timeout(60_000);
  let network: Network;

  before(async () => {
    network = await Network.start(['alice']);
  });
  after(() => network.close());

  const ofPreload = `Object.keys(require.cache).map((file) => require('node:path').basename(file)).join()`;

  it('its first line -> only the first file of the preload is loaded', async () => {
    const program = network.program('alice', ['-p', ofPreload]);
    assert.equal(await program.finish(), 'register.js');
  });

  it('it runs on -> the node joins by itself', async () => {
    const program = network.program('alice', ['-e', 'setInterval(() => {}, 1_000)'], { node: 'idle' });
    await network.traced('idle', (events) => events.some(({ event }) => event === 'logged in'));
    await program.kill();
  });

  it('an error of the network, in the program -> one and the same NtmError, with a readable stack', async () => {
    const program = network.program('alice', [
      '-e',
      `require('node:dns').promises.lookup('nobody.${network.join.zone}').catch(({ cause }) => console.log(cause.name, cause.code, /directionError/.test(cause.stack)))`,
    ]);
    assert.equal(await program.finish(), 'NtmError NTM_NO_SUCH_NAME true');
  });
});
