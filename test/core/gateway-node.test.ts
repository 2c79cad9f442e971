import assert from 'node:assert/strict';
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http';
import { createServer, type AddressInfo, type Server as TcpServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { gatewayAccess } from '../../core/gateway-node';
import type { GatewayResponse, Timers } from '../../core/runtime';
import { nodeTimers } from '../../core/runtime-node';
import { projectRoot } from '../support/paths';
import { Program } from '../support/processes';

const LIMIT_BYTES = 128 << 10;

describe('the router, as Node reaches it', () => {
  let server: Server | TcpServer;
  const local = async (): Promise<string> => '127.0.0.1';

  async function close(): Promise<void> {
    if (!server.listening) return;
    if ('closeAllConnections' in server) server.closeAllConnections();
    await once(server.close(), 'close');
  }
  afterEach(close);

  async function urlOf(listening: Server | TcpServer): Promise<URL> {
    server = listening.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x?y=1`);
  }

  async function ask(answer: RequestListener, timers = nodeTimers): Promise<GatewayResponse | undefined> {
    const url = await urlOf(createHttpServer(answer));
    const { request } = gatewayAccess(timers, local);
    return new Promise((done) =>
      request({ url, method: 'POST', headers: { soapaction: '"a#b"' }, body: '<é/>' }, done),
    );
  }

  it('an answer: asked -> status and body; the request is whole', async () => {
    const seen: unknown[] = [];
    const answer = await ask((request, response) => {
      const { method, url, headers } = request;
      request.on('data', (part: Buffer) => seen.push(method, url, headers['soapaction'], part.toString()));
      request.on('end', () => response.writeHead(500).end('<no/>'));
    });
    assert.deepEqual(answer, { status: 500, body: '<no/>' });
    assert.deepEqual(seen, ['POST', '/x?y=1', '"a#b"', '<é/>']);
  });

  it('a redirect: asked -> not followed', async () => {
    let asked = 0;
    const answer = await ask((_request, response) => {
      asked++;
      response.writeHead(302, { location: '/elsewhere' }).end();
    });
    assert.deepEqual([answer?.status, asked], [302, 1]);
  });

  it('an answer of the longest length, and one byte more, and one without an end -> taken; given up', async () => {
    assert.equal((await ask((_, response) => response.end('x'.repeat(LIMIT_BYTES))))?.body.length, LIMIT_BYTES);
    await close();
    assert.equal(await ask((_, response) => response.end('x'.repeat(LIMIT_BYTES + 1))), undefined);
    await close();
    const endless = await ask((_, response) => {
      const more = (): boolean => response.write('x'.repeat(65_536), () => !response.destroyed && more());
      more();
    });
    assert.equal(endless, undefined);
  });

  it('an answer that breaks off, noise, and a closed port -> given up', async () => {
    const broken: RequestListener = (_, response) => {
      response.writeHead(200, { 'content-length': 10 });
      response.write('half', () => response.destroy());
    };
    assert.equal(await ask(broken), undefined);
    await close();
    const url = await urlOf(
      createServer((socket) =>
        socket
          .on('error', () => {})
          .resume()
          .end('noise\r\n\r\n'),
      ),
    );
    const { request } = gatewayAccess(nodeTimers, local);
    const asked = (): Promise<unknown> => new Promise((done) => request({ url, method: 'GET', headers: {} }, done));
    assert.equal(await asked(), undefined);
    await close();
    assert.equal(await asked(), undefined);
  });

  it('no answer: its time is over -> given up; given up by the asker -> not told', async () => {
    const due: (() => void)[] = [];
    const timers: Timers = { schedule: (_ms, fire) => (due.push(fire), { cancel: () => {} }), soon: () => {} };
    assert.equal(await ask(() => due[0]!(), timers), undefined);
    await close();
    let told = 0;
    const closed = new Promise<void>((resolve) => {
      void urlOf(createHttpServer((request) => request.socket.on('close', resolve) && stop())).then((url) => {
        stop = gatewayAccess(timers, local).request({ url, method: 'GET', headers: {} }, () => told++);
      });
    });
    let stop: () => void = () => {};
    await closed;
    assert.equal(told, 0);
  });

  it('a program that waits for an answer, and hears a group, without a limit of time: has no more to do -> ends', async () => {
    const url = await urlOf(createHttpServer(() => {}));
    const program = Program.node(['-e', PROGRAM, join(projectRoot, 'dist/core/gateway-node.js'), url.href]);
    await once(server, 'request');
    await program.finish();
  });
});

/** Ends when the request is on its way, if nothing holds it. */
const PROGRAM = `
  const [file, url] = process.argv.slice(1);
  const never = { schedule: () => ({ cancel() {} }), soon() {} };
  const access = require(file).gatewayAccess(never, async () => '127.0.0.1');
  access.joinGroup({ address: '224.0.0.1', port: 5350 }, '127.0.0.1', () => {});
  access.request({ url: new URL(url), method: 'GET', headers: {} }, () => {});
  require('node:http').get(url.replace('/x', '/other')).on('error', () => {}).on('socket', (socket) => {
    socket.on('connect', () => setTimeout(() => socket.destroy(), 100));
  });`;
