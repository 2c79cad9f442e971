import assert from 'node:assert';
import { describePrograms, run } from '../support/run-program';

/** Every program here must end by itself; `run` fails if it does not. */
describePrograms('life and end of the process', () => {
  for (const mode of ['both', 'virtual'] as const) {
    it(`NTMOBILE_LISTEN=${mode}: a listening server -> holds the process until it is closed`, async () => {
      const said = await run(
        () => {
          const server = require('node:net').createServer().listen(0);
          const started = Date.now();
          setTimeout(() => server.close(), 150).unref();
          process.on('exit', () => say(Date.now() - started >= 140, network.listenerCount, holdCount()));
        },
        { env: { NTMOBILE_LISTEN: mode } },
      );
      assert.deepStrictEqual(said, [[true, 0, 0]]);
    });

    it(`NTMOBILE_LISTEN=${mode}: an unref'd server -> the process ends`, async () => {
      const said = await run(
        () => {
          const server = require('node:net').createServer().listen(0).unref();
          process.on('exit', () => say(server.listening));
        },
        { env: { NTMOBILE_LISTEN: mode } },
      );
      assert.deepStrictEqual(said, [true]);
    });
  }

  it('a client reading from a silent server -> holds the process; unref -> ends it', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.unref());
      server.listen(0, () => {
        server.unref();
        const client = net.connect(server.address().port, 'b.test.ntm', () =>
          setTimeout(() => {
            say('still here', client.readyState);
            client.unref();
          }, 100).unref(),
        );
      });
    });
    assert.deepStrictEqual(said, [['still here', 'open']]);
  });

  it('a paused client, connected and idle -> does not hold the process', async () => {
    const program = (): void => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.unref());
      server.listen(0, () => {
        server.unref();
        const client = net.connect({ port: server.address().port, host: process.env['HOST'] });
        client.pause();
        process.on('exit', () => say(client.readyState));
      });
    };
    assert.deepStrictEqual(await run(program, { env: { HOST: '127.0.0.1' }, plain: true }), ['open']);
    assert.deepStrictEqual(await run(program, { env: { HOST: 'b.test.ntm' } }), ['open']);
  });

  it('client ended, server closed -> nothing is left: no hold, no connection, no handle', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.end('bye'));
      server.listen(0, () => {
        net
          .connect(server.address().port, 'b.test.ntm')
          .resume()
          .on('close', () => server.close());
      });
      process.on('exit', () => say(holdCount(), network.connections.size, network.listenerCount));
    });
    assert.deepStrictEqual(said, [[0, 0, 0]]);
  });

  it('socket.destroy() on both sides in every state -> nothing is left', async () => {
    const said = await run(async () => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.on('error', () => {}).resume());
      await new Promise<void>((done) => server.listen(0, done));
      const { port } = server.address();
      const closed: Promise<void>[] = [];
      for (const when of ['at once', 'tick', 'connect', 'data written', 'ended']) {
        const client = net.connect(port, 'b.test.ntm').on('error', () => {});
        closed.push(new Promise((done) => client.on('close', () => done())));
        if (when === 'at once') client.destroy();
        if (when === 'tick') process.nextTick(() => client.destroy());
        if (when === 'connect') client.on('connect', () => client.destroy());
        if (when === 'data written')
          client.on('connect', () => client.write(Buffer.alloc(1 << 20)) || client.destroy());
        if (when === 'ended') client.on('connect', () => client.end('x', () => client.destroy()));
      }
      await Promise.all(closed);
      await new Promise((done) => server.close(done));
      // The last FINs are under way; what stays would keep the program here until it is stopped.
      while (network.connections.size > 0) await new Promise(setImmediate);
      process.on('exit', () => say(holdCount()));
    });
    assert.deepStrictEqual(said, [0]);
  });

  it('written and destroyed after end(): the process would end -> the peer still gets everything', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => {
        let length = 0;
        socket.on('data', (chunk: Buffer) => (length += chunk.length));
        socket.on('end', () => say(length));
        socket.unref();
      });
      server.listen(0, () => {
        server.unref();
        const client = net.connect(server.address().port, 'b.test.ntm', () =>
          client.end(Buffer.alloc(200_000), () => client.destroy()),
        );
      });
    });
    assert.deepStrictEqual(said, [200_000]);
  });

  it("an app's callback throws -> uncaughtException, and the network goes on", async () => {
    const said = await run(() => {
      const net = require('node:net');
      process.on('uncaughtException', (error: Error) => say(error.message));
      const server = net.createServer((socket: any) => {
        socket.end('x');
        throw new Error('in connection');
      });
      server.listen(0, () => {
        const client = net.connect(server.address().port, 'b.test.ntm');
        require('node:dns').lookup('b.test.ntm', () => {
          throw new Error('in lookup');
        });
        client.on('data', () => {
          throw new Error('in data');
        });
        client.on('close', () => server.close());
      });
    });
    assert.deepStrictEqual([...said].sort(), ['in connection', 'in data', 'in lookup']);
  });

  it('asked for active handles and resources -> what Node says of sockets of the host', async () => {
    const program = (): void => {
      const net = require('node:net');
      const accepted: object[] = [];
      const server = net
        .createServer((socket: object) => accepted.push(socket))
        .listen(0, () => {
          const client = net.connect(server.address().port, process.env['HOST'], () => client.write('x'));
          server.once('connection', (socket: any) =>
            socket.once('data', () => {
              const handles: object[] = (process as any)._getActiveHandles();
              say(
                process
                  .getActiveResourcesInfo()
                  .filter((type) => !type.startsWith('Pipe'))
                  .sort(),
                [server, client, ...accepted].map((socket) => handles.includes(socket)),
              );
              client.destroy();
              socket.destroy();
              server.close();
            }),
          );
        });
    };
    const [onHost] = await run(program, { env: { HOST: '127.0.0.1' }, plain: true });
    assert.deepStrictEqual(onHost, [
      ['TCPServerWrap', 'TCPSocketWrap', 'TCPSocketWrap'],
      [true, true, true],
    ]);
    assert.deepStrictEqual(await run(program, { env: { HOST: 'b.test.ntm' } }), [onHost]);
  });

  it('restore() -> every patched method is what it was', async () => {
    const said = await run(() => {
      const { execFileSync } = require('node:child_process');
      const snapshot = `(() => {
        const net = require('node:net'), dns = require('node:dns'), promises = require('node:dns/promises'), tls = require('node:tls');
        const probe = new net.Socket(); probe.connect(9, '127.0.0.1'); const TCP = probe._handle.constructor; probe.destroy();
        const targets = { socket: net.Socket.prototype, TCP, tcp: TCP.prototype, dns, promises, resolver: dns.Resolver.prototype,
          promisesResolver: promises.Resolver.prototype, tls: tls.TLSSocket.prototype };
        const lines = [];
        for (const [name, target] of Object.entries(targets)) for (const key of Reflect.ownKeys(target)) {
          const { value, get, ...flags } = Object.getOwnPropertyDescriptor(target, key);
          lines.push([name, String(key), typeof value === 'function' ? value.toString() : typeof (value ?? get), JSON.stringify(flags)].join(' '));
        }
        return lines.sort().join('\\n');
      })()`;
      const server = require('node:net')
        .createServer()
        .listen(0, '198.18.0.1', () => {
          require('node:net').connect(server.address().port, '198.18.0.1', function (this: any) {
            this.destroy();
            server.close();
            const patched = eval(snapshot);
            shim.restore();
            const restored = eval(snapshot);
            const plain = execFileSync(process.execPath, ['-e', `console.log(${snapshot})`], {
              encoding: 'utf8',
            }).trim();
            say(patched === plain, restored === plain);
          });
        });
    });
    assert.deepStrictEqual(said, [[false, true]]);
  });

  it('restore() while an APM wraps connect -> theirs stays, ours is out of the way', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const ours = net.Socket.prototype.connect;
      let wrapped = 0;
      net.Socket.prototype.connect = function (...args: unknown[]) {
        wrapped++;
        return ours.apply(this, args);
      };
      shim.restore();
      net
        .connect(80, 'b.test.ntm')
        .on('error', (error: any) => say(wrapped, error.code !== 'ECONNREFUSED', network.calls));
    });
    assert.deepStrictEqual(said, [[1, true, 0]]);
  });
});
