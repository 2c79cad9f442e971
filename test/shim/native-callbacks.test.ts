/** The order of events, which native code makes on the host's sockets. Each program runs on these, too: they must agree. */
import assert from 'node:assert';
import { describePrograms, run } from '../support/run-program';

async function asOnHost(program: () => unknown): Promise<unknown[]> {
  const onHost = await run(program, { env: { HOST: '127.0.0.1' }, plain: true });
  assert.deepStrictEqual(await run(program, { env: { HOST: 'b.test.ntm' } }), onHost);
  return onHost;
}

describePrograms('native code that reads a virtual socket', () => {
  it('HTTP/2: an upload is answered before it was read -> the answer, its end, and the session ends', async () => {
    const said = await asOnHost(() => {
      const http2 = require('node:http2');
      const server = http2.createServer();
      server.on('stream', (stream: any) => {
        stream.respond({ ':status': 413 });
        stream.end('too large');
      });
      server.listen(0, () => {
        const client = http2.connect(`http://${process.env['HOST']}:${server.address().port}`);
        const request = client.request({ ':method': 'POST' });
        request.on('response', (headers: any) => say(headers[':status']));
        request.resume().on('end', () => {
          say('end');
          server.close();
          client.close();
        });
        request.write(Buffer.alloc(200_000));
      });
    });
    assert.deepStrictEqual(said, [413, 'end']);
  });

  it('HTTP/2: a session is destroyed with a code in a callback -> the peer hears the code', async () => {
    const said = await asOnHost(() => {
      const http2 = require('node:http2');
      const server = http2.createServer();
      server.on('session', (session: any) => {
        session.on('error', () => {});
        session.on('stream', (stream: any) => {
          stream.on('error', () => {});
          session.destroy(http2.constants.NGHTTP2_REFUSED_STREAM);
        });
      });
      server.listen(0, () => {
        const client = http2.connect(`http://${process.env['HOST']}:${server.address().port}`);
        client.on('error', ({ code, message }: any) => say(code, message));
        client
          .request()
          .on('error', ({ message }: any) => say(message))
          .on('close', () => server.close());
      });
    });
    assert.equal(said.length, 2);
  });

  it('HTTP/2: a tick that a callback made throws -> one uncaught exception, in its own context; all goes on', async () => {
    const said = await asOnHost(() => {
      const { AsyncLocalStorage } = require('node:async_hooks');
      const http2 = require('node:http2');
      const store = new AsyncLocalStorage();
      const server = http2.createServer((request: any, response: any) => {
        store.run(request.url, () =>
          process.nextTick(() => {
            response.end(store.getStore());
            throw new Error(`in the tick of ${request.url}`);
          }),
        );
      });
      process.on('uncaughtException', (error: Error) => say(error.message, store.getStore() ?? null));
      server.listen(0, async () => {
        const client = http2.connect(`http://${process.env['HOST']}:${server.address().port}`);
        for (const path of ['/one', '/two']) {
          const request = client.request({ ':path': path });
          let text = '';
          for await (const chunk of request) text += chunk;
          say(text);
        }
        client.close();
        server.close();
      });
    });
    assert.deepStrictEqual(
      said.filter((line) => typeof line === 'string'),
      ['/one', '/two'],
    );
  });

  it('HTTP/2: a tick that a callback made throws, and nobody listens -> the program ends as any would', async () => {
    const program = (): void => {
      const http2 = require('node:http2');
      const server = http2.createServer(() =>
        process.nextTick(() => {
          throw new Error('in a tick');
        }),
      );
      process.on('exit', (status) => say('exit', status));
      server.listen(0, () => http2.connect(`http://${process.env['HOST']}:${server.address().port}`).request());
    };
    for (const options of [{ env: { HOST: '127.0.0.1' }, plain: true }, { env: { HOST: 'b.test.ntm' } }]) {
      await assert.rejects(run(program, options), /status 1\n\["exit",1\]\n[^]*\nError: in a tick\n/);
    }
  });

  it('HTTP: a request and its body come in one segment -> data, ticks and microtasks in the order of the host', async () => {
    await asOnHost(() => {
      const { request } = require('node:http');
      const server = require('node:http').createServer((incoming: any, response: any) => {
        const order: string[] = [];
        incoming.on('data', () => order.push('data'));
        queueMicrotask(() => order.push('microtask'));
        process.nextTick(() => order.push('tick'));
        incoming.on('end', () => {
          say(order);
          response.end();
        });
      });
      server.listen(0, () => {
        const options = { host: process.env['HOST'], port: server.address().port, method: 'POST' };
        const outgoing = request(options, (answer: any) => answer.resume().on('end', () => server.close()));
        outgoing.end('body');
      });
    });
  });
});

describePrograms('the phase of the event loop', () => {
  it('data: destroy, setImmediate, tick, microtask -> tick, microtask, immediate, close', async () => {
    const said = await asOnHost(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.end('x'));
      server.listen(0, () => {
        const client = net.connect(server.address().port, process.env['HOST']);
        client.on('close', () => {
          say('close');
          server.close();
        });
        client.once('data', () => {
          client.destroy();
          setImmediate(() => say('immediate'));
          queueMicrotask(() => say('microtask'));
          process.nextTick(() => say('tick'));
        });
      });
    });
    assert.deepStrictEqual(said, ['tick', 'microtask', 'immediate', 'close']);
  });

  it('an event throws -> an uncaught exception, and the connection goes on', async () => {
    const said = await asOnHost(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.pipe(socket));
      process.once('uncaughtException', (error: Error) => say(error.message));
      server.listen(0, () => {
        const client = net.connect(server.address().port, process.env['HOST'], () => client.write('a'));
        client.once('data', () => {
          client.once('data', (chunk: Buffer) => {
            say(String(chunk));
            client.destroy();
            server.close();
          });
          process.nextTick(() => client.write('b'));
          throw new Error('of the program');
        });
      });
    });
    assert.deepStrictEqual(said, ['of the program', 'b']);
  });
});

describePrograms('TLS over a virtual socket', () => {
  it('sessions, keylog, ALPN -> as on the host; a session is resumed', async () => {
    const said = await asOnHost(async () => {
      const tls = require('node:tls');
      const { private: key, cert } = await require('selfsigned').generate([
        { name: 'commonName', value: 'b.test.ntm' },
      ]);
      const server = tls.createServer({ key, cert, ALPNProtocols: ['x'] }, (socket: any) => socket.end('hello'));
      await new Promise<void>((done) => server.listen(0, done));
      const options = { host: process.env['HOST'], port: server.address().port, rejectUnauthorized: false };
      let session: Buffer | undefined;
      for (const round of [1, 2]) {
        const client = tls.connect({ ...options, session, ALPNProtocols: ['x'] });
        let lines = 0;
        client.on('keylog', () => lines++);
        client.on('session', (next: Buffer) => (session = next));
        let reused: boolean | undefined;
        client.on('secureConnect', () => (reused = client.isSessionReused()));
        let text = '';
        for await (const chunk of client) text += chunk;
        say(round, text, client.alpnProtocol, reused, lines > 0, session !== undefined);
      }
      server.close();
    });
    assert.deepStrictEqual(said, [
      [1, 'hello', 'x', false, true, true],
      [2, 'hello', 'x', true, true, true],
    ]);
  });
});
