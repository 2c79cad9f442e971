/** Our tunnel and stack against an independent tunnel (wireguard-go) and an independent stack (the kernel's). */
import assert from 'node:assert/strict';
import { describeLab } from '../support/lab';
import type { Program } from '../support/processes';
import { KERNEL_ADDRESSES, OUR_ADDRESSES, WireguardLab } from '../support/wireguard-lab';
import { body, BODY_LENGTH, checksum } from '../support/wireguard-peer';

const SERVER = `
  const { body } = require(process.argv[1]);
  const server = require('node:http').createServer((_, answer) => answer.end(body()));
  server.listen(8080, '::', () => console.log('listening'));
`;
const CLIENT = `
  const { checksum } = require(process.argv[1]);
  fetch(process.argv[2]).then(async (answer) => {
    const fetched = new Uint8Array(await answer.arrayBuffer());
    console.log('fetched ' + fetched.length + ' ' + checksum(fetched));
  });
`;
const SUPPORT = require.resolve('../support/wireguard-peer');

function tests(this: Mocha.Suite): void {
  this.timeout(30_000);
  const lab = new WireguardLab();
  const whole = `fetched ${BODY_LENGTH} ${checksum(body())}`;
  let peer: Program | undefined;

  before(() => lab.start());
  beforeEach(() => lab.forgetSessions());
  afterEach(async () => {
    peer?.terminate();
    await peer?.finish(); // code 0: nothing of the stack's memory is left
    peer = undefined;
  });
  after(() => lab.stop());

  async function ping(address: string): Promise<void> {
    const counts = ['-c', '20', '-i', '0.01', '-w', '10'];
    const output = await lab.inKernel(['ping', ...counts, '-s', '1000', address]).finish();
    assert.match(output, /20 packets transmitted, 20 received/);
  }

  it('idle: we request -> established, and the kernel reaches us', async () => {
    peer = await lab.peer({ request: true });
    await peer.line((line) => line === 'response-received');
    await peer.line((line) => line === 'established');
    await ping(OUR_ADDRESSES.ipv4);
    await ping(OUR_ADDRESSES.ipv6);
    const unexpected = peer.lines.filter((line) => /dropped|failed|error|request-received/.test(line));
    assert.deepEqual(unexpected, []);
  });

  it('idle: the kernel sends -> wireguard-go requests, we answer, and its packets arrive', async () => {
    peer = await lab.peer({ request: false });
    await ping(OUR_ADDRESSES.ipv6);
    await ping(OUR_ADDRESSES.ipv4);
    const handshake = peer.lines.filter((line) => /request|response|established|dropped/.test(line));
    assert.deepEqual(handshake, ['request-received', 'response-sent', 'established']);
  });

  for (const version of ['ipv4', 'ipv6'] as const) {
    it(`${version}: we fetch 1 MiB from the kernel -> every byte arrives`, async () => {
      const server = lab.inKernel([process.execPath, '-e', SERVER, SUPPORT]);
      await server.line((line) => line === 'listening');
      peer = await lab.peer({ request: true, fetch: { address: KERNEL_ADDRESSES[version], port: 8080 } });
      assert.equal(await peer.line((line) => /^fetched|^failed/.test(line)), whole);
      await server.kill();
    });

    it(`${version}: the kernel fetches 1 MiB from us -> every byte arrives`, async () => {
      peer = await lab.peer({ request: false });
      const host = version === 'ipv4' ? OUR_ADDRESSES.ipv4 : `[${OUR_ADDRESSES.ipv6}]`;
      const client = lab.inKernel([process.execPath, '-e', CLIENT, SUPPORT, `http://${host}/`]);
      assert.equal(await client.finish(), whole);
    });
  }
}

describeLab('wireguard-go and the kernel', tests, {
  commands: ['wireguard-go', 'wg', 'ping'],
  paths: ['/dev/net/tun'],
});
