/**
 * Well-known clients and servers, unmodified, one process each, between two nodes. What they talk about is theirs
 * (examples/); here stands what must have arrived.
 */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeCertificate } from '../support/certificate';
import { example, Network, portsOf, stop } from '../support/network';
import { temporaryDirectory } from '../support/paths';
import type { Program } from '../support/processes';

describe('programs over the tunnel', function () {
  this.timeout(30_000);
  const dir = temporaryDirectory();
  let network: Network;
  let fqdn: string;
  let server: Program | undefined;
  let certificate: { keyFile: string; certFile: string };

  before(async () => {
    network = await Network.start();
    fqdn = network.fqdn('bob');
    certificate = await writeCertificate(dir, fqdn);
  });
  afterEach(async () => {
    if (server && !server.end) await stop(server);
    server = undefined;
  });
  after(async () => {
    rmSync(dir, { recursive: true });
    await network.close();
  });

  /** Starts bob's server on any port; gives the ports it says. */
  async function serve(name: string, ...args: string[]): Promise<number[]> {
    server = network.program('bob', [example(name), '0', ...args]);
    return portsOf(server);
  }
  const withTls = (): [string, string] => [certificate.keyFile, certificate.certFile];

  /** Runs alice's client to its end; every line of it is JSON. */
  async function dial(name: string, ...args: string[]): Promise<any[]> {
    const env = { NODE_EXTRA_CA_CERTS: certificate.certFile };
    const client = network.program('alice', [example(name), ...args], { env });
    const lines = (await client.finish()).split('\n');
    return lines.map((line) => JSON.parse(line));
  }

  it('Express and undici: 100 requests and 8 MB each way -> over four connections, all of it', async () => {
    const [port] = await serve('express-server.cjs');
    const [{ answers, connections, downloaded, uploaded, sent }] = await dial(
      'undici-client.mjs',
      `http://${fqdn}:${port}`,
    );
    assert.deepEqual([answers, connections, downloaded], [100, 4, true]);
    assert.deepEqual(uploaded, { bytes: 8_000_000, sha256: sent });
  });

  it('Express and axios: 20 requests, 8 MB each way, an abort -> over one kept connection', async () => {
    const [port] = await serve('express-server.cjs');
    const [seen] = await dial('axios-transfer.cjs', `http://${fqdn}:${port}`);
    assert.deepEqual(seen, {
      sockets: 1,
      downloaded: 8_000_000,
      same: true,
      uploaded: 8_000_000,
      aborted: 'ERR_CANCELED',
    });
  });

  it('Fastify and got: HTTPS by HTTP/2 and HTTP/1.1, retries, large bodies -> all of it', async () => {
    const [port] = await serve('fastify/server.mjs', ...withTls());
    const seen = await dial('fastify/got-client.mjs', `https://${fqdn}:${port}`);
    const same = { sum: 124_999_750_000, refused: 400, lines: 100_000 };
    assert.deepEqual(seen, [
      { ...same, version: '2.0', retries: 2 },
      { ...same, version: '1.1', retries: 0 },
    ]);
  });

  it('ws: TLS, 8 MB echoed with back-pressure, a broadcast, closings, a reconnection -> all of it', async () => {
    const [port] = await serve('ws/server.cjs', ...withTls());
    const [seen] = await dial('ws/client.cjs', `wss://${fqdn}:${port}`);
    assert.deepEqual(seen, {
      greeting: 'welcome',
      bytes: 8 * 2 ** 20,
      same: true,
      waited: true,
      pong: 'are you there',
      broadcast: ['all: hello'],
      closed: [4001, 'as you wish'],
      dropped: 1006,
      again: 'welcome',
    });
  });

  it('Socket.IO: from polling to WebSocket, a room, 9 MB, a lost connection -> all of it, and it is back', async () => {
    const [port] = await serve('socket.io/server.cjs');
    const [seen] = await dial('socket.io/client.mjs', `http://${fqdn}:${port}`);
    assert.deepEqual(seen, {
      welcome: 'polling',
      upgraded: 'websocket',
      echoed: 3,
      acknowledged: 500,
      heard: Array(5).fill('tea is ready'),
      reconnected: true,
      after: 'still here',
    });
  });

  it('MQTT.js and Aedes: 3,000 messages from five publishers, 4 MB, a will, lost connections -> each once', async () => {
    const [port] = await serve('mqtt/broker.mjs');
    const [seen] = await dial('mqtt/client.mjs', `mqtt://${fqdn}:${port}`);
    assert.deepEqual(seen, {
      ...{ received: [1000, 1000, 1000], repeated: [0, 0, 0], same: true, kept: 'for later' },
      ...{ will: 'gone', meanwhile: 'you were away' },
    });
  });

  it('gRPC: TLS, the four kinds of call, 8 MB each way, a deadline, a cancellation -> all of it', async () => {
    const [port] = await serve('grpc/server.cjs', ...withTls());
    const [seen] = await dial('grpc/client.cjs', `${fqdn}:${port}`, certificate.certFile);
    assert.deepEqual(seen, {
      many: 200,
      text: 3_000_000,
      counted: 2_000,
      summed: { sum: 1_999_000, bytes: 8_000_000 },
      said: ['one', 'two', 'three'],
      late: 'DEADLINE_EXCEEDED',
      stopped: 'CANCELLED',
      cancelled: 2,
    });
  });

  it('ssh2: commands side by side, 4 MB each way, a forwarded port, a wrong password -> as anywhere', async () => {
    const [port, echoPort] = await serve('ssh/server.cjs');
    const [seen] = await dial('ssh/client.cjs', fqdn, `${port}`, `${echoPort}`);
    assert.deepEqual(seen, {
      wrong: 'client-authentication',
      banner: 'be nice',
      said: '01234567',
      bytes: 4 * 2 ** 20,
      same: true,
      code: 0,
      unknown: [127, 'no such command'],
      forwarded: 'through two tunnels',
      asked: ['hi', 'hi', 'hi'],
    });
  });

  it('FTP: with TLS and without, 4 MB each way, the rest of a file, lists -> all of it', async () => {
    const files = join(dir, 'ftp');
    mkdirSync(files);
    const [port] = await serve('ftp/server.cjs', files, ...withTls());
    const seen = await dial('ftp/client.mjs', fqdn, `${port}`, certificate.certFile);
    const small = [0, 1, 2, 3, 4].map((i) => `small-${i}.txt 7`);
    const same = { same: true, rest: true, list: ['large.bin 4000000', ...small], left: 0 };
    assert.deepEqual(seen, [{ secure: true, ...same }, { secure: false, ...same }, { refused: 530 }]);
  });

  it('HTTPS and HTTP/2: client certificates, ALPN, ranges, events, 10 MB of streams -> all of it', async () => {
    const [port] = await serve('https/server.cjs', ...withTls());
    const [seen] = await dial('https/client.cjs', `https://${fqdn}:${port}`, ...withTls());
    assert.deepEqual(seen, {
      first: { authorized: true, alpn: 'http/1.1', httpVersion: '1.1' },
      resumed: [false, true],
      whole: 1_000_000,
      part: true,
      events: 100,
      continued: true,
      echoes: 10,
      who: [true, 'h2', '2.0'],
      stranger: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
    });
  });

  it('dns2: 50 questions by UDP side by side, an answer that was cut asked for by TCP -> all of them', async () => {
    server = network.program('bob', [example('dns/server.cjs'), '0', '0']);
    const [udp, tcp] = await portsOf(server);
    const [seen] = await dial('dns/client.cjs', fqdn, `${udp}`, `${tcp}`);
    assert.deepEqual(seen, { right: 50, cut: true, texts: 40, unknown: 3 });
  });
});
