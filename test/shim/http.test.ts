import assert from 'node:assert';
import { describePrograms, run, runModule } from '../support/run-program';

describePrograms('programs over virtual sockets', () => {
  it("Express server: http.get, fetch, axios by name -> the peer's virtual address and the body", async () => {
    const said = await run(() => {
      const app = require('express')();
      app.use(require('express').json());
      app.get('/who', (request: any, response: any) => response.json({ ip: request.ip, host: request.hostname }));
      app.post('/echo', (request: any, response: any) => response.json(request.body));
      const server = app.listen(8080, async () => {
        await new Promise<void>((done) => {
          require('node:http').get('http://b.test.ntm:8080/who', (response: any) => {
            response.on('data', (chunk: Buffer) => say(JSON.parse(String(chunk))));
            response.on('end', done);
          });
        });
        say(await (await fetch('http://b.test.ntm:8080/who')).json());
        say((await require('axios').post('http://b.test.ntm:8080/echo', { a: 1 })).data);
        server.close();
        server.closeIdleConnections();
      });
    });
    const who = { ip: '::ffff:198.18.0.1', host: 'b.test.ntm' };
    assert.deepStrictEqual(said, [who, who, { a: 1 }]);
  });

  it('ES module: default and named imports of net and dns, got -> all see the shim', async () => {
    const said = await runModule(`
      import http from 'node:http';
      import net, { connect } from 'node:net';
      import dns, { lookup } from 'node:dns';
      import * as promises from 'node:dns/promises';
      import got from 'got';
      const server = http.createServer((request, response) => response.end('hi ' + request.url));
      await new Promise((done) => server.listen(8080, done));
      say(await got('http://b.test.ntm:8080/got').text());
      for (const dial of [connect, net.connect, net.createConnection]) {
        const socket = dial(8080, 'b.test.ntm');
        await new Promise((done) => socket.on('connect', done));
        say(socket.remoteAddress);
        socket.destroy();
      }
      for (const each of [lookup, dns.lookup]) say(await new Promise((done) => each('b.test.ntm', (error, address) => done(address))));
      say((await promises.lookup('b.test.ntm')).address, (await dns.promises.lookup('b.test.ntm')).address);
      server.close();
      server.closeAllConnections();
    `);
    const b = '198.18.0.2';
    assert.deepStrictEqual(said, ['hi /got', b, b, b, b, b, [b, b]]);
  });

  it('https: certificate for the name, verified -> answered; for another name -> refused', async () => {
    const said = await run(async () => {
      const https = require('node:https');
      const make = require('selfsigned').generate;
      for (const name of ['b.test.ntm', 'other.test.ntm']) {
        const extensions = [
          { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
          { name: 'basicConstraints', cA: true },
        ];
        const pem = await make([{ name: 'commonName', value: name }], { extensions });
        const server = https.createServer({ key: pem.private, cert: pem.cert }, (request: any, response: any) => {
          response.end(`${request.socket.encrypted} ${request.socket.remoteAddress}`);
        });
        await new Promise<void>((done) => server.listen(8443, done));
        await new Promise<void>((done) => {
          const request = https.get({ host: 'b.test.ntm', port: 8443, ca: pem.cert }, (response: any) => {
            response.on('data', (chunk: Buffer) => say(String(chunk), response.socket.authorized));
            response.on('end', done);
          });
          request.on('error', (error: any) => {
            say(error.code);
            done();
          });
        });
        await new Promise<void>((done) => {
          server.close(done);
          server.closeAllConnections();
        });
      }
    });
    assert.deepStrictEqual(said, [['true ::ffff:198.18.0.1', true], 'ERR_TLS_CERT_ALTNAME_INVALID']);
  });

  it('TLS over a socket that is still connecting -> handshake, data both ways, end', async () => {
    const said = await run(async () => {
      const net = require('node:net');
      const tls = require('node:tls');
      const pem = await require('selfsigned').generate([{ name: 'commonName', value: 'b.test.ntm' }]);
      const server = tls.createServer({ key: pem.private, cert: pem.cert }, (socket: any) => socket.pipe(socket));
      server.listen(0, () => {
        const socket = net.connect(server.address().port, 'b.test.ntm');
        const client = tls.connect({ socket, rejectUnauthorized: false, servername: 'b.test.ntm' }, () => {
          say(client.remoteAddress, client.getProtocol());
          client.end('secret');
        });
        client.on('data', (chunk: Buffer) => say(String(chunk)));
        client.on('close', () => server.close());
      });
    });
    assert.deepStrictEqual(said, [['198.18.0.2', 'TLSv1.3'], 'secret']);
  });

  it('TLS over a socket to a name still undecided -> an error or a connection, never a crash', async () => {
    const said = await run(async () => {
      const net = require('node:net');
      const tls = require('node:tls');
      const pem = await require('selfsigned').generate([{ name: 'commonName', value: 'late.example' }]);
      const server = tls.createServer({ key: pem.private, cert: pem.cert }, (socket: any) => socket.end('hi'));
      server.on('tlsClientError', () => {});
      server.listen(0, () => {
        const socket = net.connect(server.address().port, 'late.example');
        const client = tls.connect({ socket, rejectUnauthorized: false });
        socket.on('error', (error: any) => say(error.code));
        client.on('error', () => {});
        client.on('data', (chunk: Buffer) => say(String(chunk)));
        client.on('close', () => server.close());
      });
    });
    assert.ok(said.length === 1 && ['hi', 'ENOTSUP'].includes(said[0] as string), JSON.stringify(said));
  });

  it('https to a name still undecided -> the handle is replaced under TLS and it answers', async () => {
    const said = await run(async () => {
      const https = require('node:https');
      const pem = await require('selfsigned').generate([{ name: 'commonName', value: 'late.example' }]);
      const server = https.createServer({ key: pem.private, cert: pem.cert }, (request: any, response: any) => {
        response.end(request.socket.servername);
      });
      server.listen(8443, () => {
        https.get({ host: 'late.example', port: 8443, rejectUnauthorized: false }, (response: any) => {
          response.on('data', (chunk: Buffer) => say(String(chunk)));
          response.on('end', () => server.close());
        });
      });
    });
    assert.deepStrictEqual(said, ['late.example']);
  });

  it('http2 and h2c: requests over one session -> answered', async () => {
    const said = await run(async () => {
      const http2 = require('node:http2');
      const pem = await require('selfsigned').generate([{ name: 'commonName', value: 'b.test.ntm' }]);
      const servers = [http2.createServer(), http2.createSecureServer({ key: pem.private, cert: pem.cert })];
      for (const [index, server] of servers.entries()) {
        server.on('stream', (stream: any, headers: any) => stream.end(headers[':path'].repeat(20_000)));
        await new Promise<void>((done) => server.listen(0, done));
        const scheme = index === 0 ? 'http' : 'https';
        const session = http2.connect(`${scheme}://b.test.ntm:${server.address().port}`, { rejectUnauthorized: false });
        const bodies = await Promise.all(
          ['/one', '/two'].map(
            (path) =>
              new Promise((done) => {
                let length = 0;
                const request = session.request({ ':path': path });
                request.on('data', (chunk: Buffer) => (length += chunk.length));
                request.on('end', () => done(length));
              }),
          ),
        );
        say(scheme, bodies);
        session.close();
        await new Promise<void>((done) => server.close(done));
      }
    });
    assert.deepStrictEqual(said, [
      ['http', [80_000, 80_000]],
      ['https', [80_000, 80_000]],
    ]);
  });

  it('keep-alive agent: three requests -> one connection; then the process ends', async () => {
    const said = await run(() => {
      const http = require('node:http');
      let connections = 0;
      const server = http.createServer((_request: any, response: any) => response.end('ok'));
      server.on('connection', () => connections++);
      server.listen(8080, async () => {
        const agent = new http.Agent({ keepAlive: true });
        for (let i = 0; i < 3; i++) {
          await new Promise<void>((done) => {
            http.get({ host: 'b.test.ntm', port: 8080, agent }, (response: any) =>
              response.resume().on('end', () => setImmediate(done)),
            );
          });
        }
        say(connections);
        agent.destroy();
        server.close();
      });
    });
    assert.deepStrictEqual(said, [1]);
  });

  it('http upgrade: both sides switch -> bytes flow both ways on the raw socket', async () => {
    const said = await run(() => {
      const http = require('node:http');
      const server = http.createServer();
      server.on('upgrade', (_request: any, socket: any) => {
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n');
        socket.pipe(socket);
      });
      server.listen(8080, () => {
        const request = http.get({
          host: 'b.test.ntm',
          port: 8080,
          headers: { Connection: 'Upgrade', Upgrade: 'echo' },
        });
        request.on('upgrade', (_response: any, socket: any) => {
          socket.on('data', (chunk: Buffer) => {
            say(String(chunk));
            socket.end();
            server.close();
          });
          socket.write('raw');
        });
      });
    });
    assert.deepStrictEqual(said, ['raw']);
  });
});

describePrograms("the host's network", () => {
  it('shim installed: a loopback server by address and by localhost -> no call into the virtual network', async () => {
    const said = await run(async () => {
      const http = require('node:http');
      const server = http.createServer((request: any, response: any) => response.end(request.socket.remoteAddress));
      await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
      const { port } = server.address();
      say(await (await fetch(`http://127.0.0.1:${port}/`)).text());
      say(await (await fetch(`http://localhost:${port}/`)).text());
      say(network.calls);
      await fetch(`http://a.test.ntm:${port}/`).catch(() => {});
      say(network.calls > 0);
      server.close();
      server.closeAllConnections();
    });
    assert.deepStrictEqual(said, ['127.0.0.1', '127.0.0.1', 0, true]);
  });

  it("name looks virtual: the app's own lookup finds a host address -> a real connection", async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.end(socket.remoteAddress));
      server.listen(0, '127.0.0.1', () => {
        const lookup = (_host: string, options: any, callback: (...args: unknown[]) => void): void =>
          options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4);
        const client = net.connect({ port: server.address().port, host: 'b.test.ntm', lookup });
        client.on('data', (chunk: Buffer) => say(String(chunk), network.calls));
        client.on('close', () => server.close());
      });
    });
    assert.deepStrictEqual(said, [['127.0.0.1', 0]]);
  });

  it("https, name looks virtual: the app's own lookup finds a host address -> a real connection", async () => {
    const said = await run(async () => {
      const https = require('node:https');
      const pem = await require('selfsigned').generate([{ name: 'commonName', value: 'b.test.ntm' }]);
      const server = https.createServer({ key: pem.private, cert: pem.cert }, (request: any, response: any) => {
        response.end(`${request.socket.remoteAddress} ${request.socket.servername}`);
      });
      server.listen(0, '127.0.0.1', () => {
        const lookup = (_host: string, options: any, callback: (...args: unknown[]) => void): void =>
          options.all ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4);
        const { port } = server.address();
        https.get({ port, host: 'b.test.ntm', lookup, rejectUnauthorized: false }, (response: any) => {
          response.on('data', (chunk: Buffer) => say(String(chunk), network.calls));
          response.on('end', () => server.close());
        });
      });
    });
    assert.deepStrictEqual(said, [['127.0.0.1 b.test.ntm', 0]]);
  });
});
