/** Our tunnel and stack against an independent tunnel (wireguard-go) and an independent stack (the kernel's). */
import assert from 'node:assert/strict';
import { wholeBody } from '../support/lab-body';
import { LAB_CLIENT, LAB_SERVER } from '../support/lab-programs';
import { describeLab } from '../support/lab';
import type { Program } from '../support/processes';
import {
  KERNEL,
  KERNEL_ADDRESSES,
  OUR_ADDRESSES,
  OURS,
  WireguardLab,
  type PeerOptions,
} from '../support/wireguard-lab';
import { ECHO_LENGTHS } from '../support/wireguard-peer';

/** NTMOBILE_LAB_LONG=1 moves 500 MB instead, and waits for sessions to grow old. */
const LONG = process.env['NTMOBILE_LAB_LONG'] === '1';
const LARGE = LONG ? 500_000_000 : 50_000_000;
const SMALL = 1_000_000;

/** Echoes datagrams, or has them echoed. */
const ECHO = `
  const { bodyPart } = require(process.argv[1]);
  const socket = require('node:dgram').createSocket({ type: 'udp6' });
  const [address, lengths] = [process.argv[2], JSON.parse(process.argv[3])];
  const missing = new Set(lengths);
  socket.on('message', (bytes, from) => {
    if (!address) return socket.send(bytes, from.port, from.address);
    if (bodyPart(0, bytes.length).equals(bytes)) missing.delete(bytes.length);
    if (missing.size > 0) return;
    console.log('echoed');
    socket.close();
  });
  socket.bind(address ? 0 : 7, () => {
    console.log('open');
    if (address) for (const length of lengths) socket.send(bodyPart(0, length), 7, address);
  });
`;
const BODY = require.resolve('../support/lab-body');

function tests(this: Mocha.Suite): void {
  this.timeout(120_000);
  const lab = new WireguardLab();
  let peer: Program | undefined;

  before(() => lab.start());
  beforeEach(() => lab.forgetSessions());
  afterEach(endPeer);
  after(() => lab.stop());

  async function startPeer(options: PeerOptions): Promise<Program> {
    peer = await lab.peer(options);
    return peer;
  }

  async function endPeer(): Promise<void> {
    // What the kernel would send again would have wireguard-go ask for a handshake with the next peer.
    if (peer && !peer.end) await connectionsAreOver();
    peer?.terminate();
    await peer?.finish(); // code 0: nothing of the stack's memory is left
    peer = undefined;
  }

  async function connectionsAreOver(): Promise<void> {
    while (lab.kernelIsConnected()) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async function ping(address: string): Promise<void> {
    const counts = ['-c', '20', '-i', '0.01', '-w', '10'];
    const output = await lab.inKernel(['ping', ...counts, '-s', '1000', address]).finish();
    // By -w it goes on until 20 are answered: for one whose answer is late it sends more; one that is lost is missing.
    const answered = new Set(
      Array.from(output.matchAll(/bytes from .* icmp_seq=(\d+)/g), ([, number]) => Number(number)),
    );
    const missing = Array.from({ length: 20 }, (_, i) => i + 1).filter((number) => !answered.has(number));
    assert.deepEqual(missing, [], output);
  }

  function kernelFetches(length: number, version: 'ipv4' | 'ipv6' = 'ipv4'): Program {
    const host = version === 'ipv4' ? OUR_ADDRESSES.ipv4 : `[${OUR_ADDRESSES.ipv6}]`;
    return lab.inKernel([process.execPath, '-e', LAB_CLIENT, `http://${host}/${length}`]);
  }

  async function kernelServes(): Promise<Program> {
    const server = lab.inKernel([process.execPath, '-e', LAB_SERVER, BODY, '8080']);
    await server.line((line) => line.startsWith('listening'));
    return server;
  }

  const fetched = (program: Program): Promise<string> => program.line((line) => /^fetched|^failed/.test(line));

  it('idle: we request -> established, and the kernel reaches us', async () => {
    const ours = await startPeer({ request: true });
    await ours.line((line) => line === 'response-received');
    await ours.line((line) => line === 'established');
    await ping(OUR_ADDRESSES.ipv4);
    await ping(OUR_ADDRESSES.ipv6);
    const unexpected = ours.lines.filter((line) => /dropped|failed|error|request-received/.test(line));
    assert.deepEqual(unexpected, []);
  });

  it('idle: the kernel sends -> wireguard-go requests, we answer, and its packets arrive', async () => {
    const ours = await startPeer({ request: false });
    await ping(OUR_ADDRESSES.ipv6);
    await ping(OUR_ADDRESSES.ipv4);
    const handshake = ours.lines.filter((line) => /request|response|established|dropped/.test(line));
    assert.deepEqual(handshake, ['request-received', 'response-sent', 'established']);
  });

  it('over IPv6: the kernel sends, or we request -> established, every byte arrives', async () => {
    lab.forgetSessions(6);
    await startPeer({ request: false, outer: 6 });
    assert.equal(await fetched(kernelFetches(SMALL)), wholeBody(SMALL));
    await endPeer();
    lab.forgetSessions(6);
    const ours = await startPeer({ request: true, outer: 6 });
    await ours.line((line) => line === 'established');
    assert.equal(await fetched(kernelFetches(SMALL, 'ipv6')), wholeBody(SMALL));
    assert.ok(!ours.lines.includes('request-received'));
  });

  it('we are under load: the kernel sends -> wireguard-go is asked for a cookie, and let in with it', async () => {
    const ours = await startPeer({ request: false, underLoad: true });
    assert.equal(await fetched(kernelFetches(SMALL)), wholeBody(SMALL));
    const handshake = ours.lines.filter((line) => /request|response|established|dropped/.test(line));
    assert.deepEqual(handshake, ['dropped: cookie', 'request-received', 'response-sent', 'established']);
  });

  it('wireguard-go is flooded by a stranger: we request -> we are asked for a cookie, and let in with it', async () => {
    const ours = await startPeer({ request: false, flood: true, rekeyEveryMs: 500 });
    await ours.line((line) => line === 'cookie');
    await ours.line(() => ours.lines.lastIndexOf('response-received') > ours.lines.indexOf('cookie'));
    assert.equal(await fetched(kernelFetches(SMALL)), wholeBody(SMALL));
    assert.ok(ours.lines.includes('stranger: cookie'));
  });

  if (LONG) {
    it('120 s old -> renewed without a packet lost', async function () {
      this.timeout(180_000);
      const ours = await startPeer({ request: true });
      await ours.line((line) => line === 'established');
      const output = await lab.inKernel(['ping', '-i', '0.2', '-c', '650', OUR_ADDRESSES.ipv4]).finish();
      assert.match(output, /650 packets transmitted, 650 received/);
      assert.ok(ours.lines.filter((line) => line === 'established').length === 2, ours.lines.join('\n'));
    });
  }

  for (const version of ['ipv4', 'ipv6'] as const) {
    it(`${version}: we fetch from the kernel -> every byte arrives`, async () => {
      const server = await kernelServes();
      const remote = { address: KERNEL_ADDRESSES[version], port: 8080, length: LARGE };
      assert.equal(await fetched(await startPeer({ request: true, fetch: remote })), wholeBody(LARGE));
      await server.kill();
    });

    it(`${version}: the kernel fetches from us -> every byte arrives`, async () => {
      await startPeer({ request: false });
      assert.equal(await fetched(kernelFetches(LARGE, version)), wholeBody(LARGE));
    });

    it(`${version}: we ping the kernel -> it answers`, async () => {
      const ours = await startPeer({ request: true, ping: KERNEL_ADDRESSES[version] });
      assert.equal(await ours.line((line) => /pong/.test(line)), 'pong');
    });

    it(`${version}: datagrams, with and without fragments -> come back from the kernel, and from us`, async () => {
      const echo = lab.inKernel([process.execPath, '-e', ECHO, BODY, '', '[]']);
      await echo.line((line) => line === 'open');
      const ours = await startPeer({ request: true, echo: { address: KERNEL_ADDRESSES[version], port: 7 } });
      assert.equal(await ours.line((line) => /^echoed|^failed/.test(line)), 'echoed');
      await echo.kill();
      const address = version === 'ipv4' ? `::ffff:${OUR_ADDRESSES.ipv4}` : OUR_ADDRESSES.ipv6;
      const asking = lab.inKernel([process.execPath, '-e', ECHO, BODY, address, JSON.stringify(ECHO_LENGTHS)]);
      assert.match(await asking.finish(), /echoed/);
    });
  }

  it('closed UDP port of ours -> the kernel is told, and its program gets ECONNREFUSED', async () => {
    await startPeer({ request: true });
    const program = `
      const socket = require('node:dgram').createSocket('udp4');
      socket.on('error', (error) => { console.log(error.code); process.exit(); });
      socket.connect(9, process.argv[1], () => setInterval(() => socket.send('?'), 50));
    `;
    const refused = lab.inKernel([process.execPath, '-e', program, OUR_ADDRESSES.ipv4]);
    assert.equal(await refused.line(), 'ECONNREFUSED');
  });

  it('transfer: new handshakes ten times a second -> every byte arrives', async () => {
    const ours = await startPeer({ request: true, rekeyEveryMs: 100 });
    await ours.line((line) => line === 'established');
    assert.equal(await fetched(kernelFetches(LARGE)), wholeBody(LARGE));
    const sessions = ours.lines.filter((line) => line === 'established').length;
    assert.ok(sessions > 3, `${sessions} sessions`);
  });

  it('transfer: the kernel moves to another address -> we follow, every byte arrives', async () => {
    const ours = await startPeer({ request: true });
    const client = kernelFetches(LARGE);
    await client.line((line) => line === 'begun');
    lab.move('kernel', KERNEL.address, '192.0.2.101');
    assert.equal(await fetched(client), wholeBody(LARGE));
    assert.ok(ours.lines.includes('roamed'));
    await connectionsAreOver();
    lab.move('kernel', '192.0.2.101', KERNEL.address);
  });

  it('transfer: we move to another address -> wireguard-go follows, every byte arrives', async () => {
    await startPeer({ request: true });
    const client = kernelFetches(LARGE);
    await client.line((line) => line === 'begun');
    lab.move('ours', OURS.address, '192.0.2.102');
    assert.equal(await fetched(client), wholeBody(LARGE));
    await connectionsAreOver();
    lab.move('ours', '192.0.2.102', OURS.address);
  });

  it('we restart -> the next transfer goes through a new tunnel', async () => {
    await startPeer({ request: true });
    assert.equal(await fetched(kernelFetches(SMALL)), wholeBody(SMALL));
    await endPeer();
    await startPeer({ request: true });
    assert.equal(await fetched(kernelFetches(SMALL)), wholeBody(SMALL));
  });

  it('wireguard-go forgets everything -> the next transfer goes through a new tunnel', async () => {
    await startPeer({ request: true });
    assert.equal(await fetched(kernelFetches(SMALL)), wholeBody(SMALL));
    lab.forgetSessions();
    assert.equal(await fetched(kernelFetches(SMALL)), wholeBody(SMALL));
  });
}

describeLab('wireguard-go and the kernel', tests, {
  commands: ['wireguard-go', 'wg', 'ping'],
  paths: ['/dev/net/tun'],
});
