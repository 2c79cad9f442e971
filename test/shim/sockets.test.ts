import assert from 'node:assert';
import { describePrograms, run } from '../support/run-program';

describePrograms('virtual sockets', () => {
  it('server on the wildcard: a client connects by name -> both see virtual addresses, bytes are echoed', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => {
        say(socket.remoteAddress, socket.remoteFamily, socket.localAddress, socket.localPort === server.address().port);
        socket.pipe(socket);
      });
      server.listen(0, '0.0.0.0', () => {
        const client = net.connect(server.address().port, 'b.test.ntm', () => {
          say(client.remoteAddress, client.remoteFamily, client.localAddress, client.localPort >= 49152);
          client.end('hello');
        });
        client.on('data', (chunk: Buffer) => say(String(chunk), client.bytesRead, client.bytesWritten));
        client.on('close', () => server.close());
      });
    });
    const expected = [
      ['198.18.0.1', 'IPv4', '198.18.0.2', true],
      ['198.18.0.2', 'IPv4', '198.18.0.1', true],
      ['hello', 5, 5],
    ];
    assert.deepStrictEqual(
      new Set(said.map((line) => JSON.stringify(line))),
      new Set(expected.map((line) => JSON.stringify(line))),
    );
  });

  it('server on `::`: an IPv4 peer connects -> it is shown as ::ffff:, an IPv6 one as it is', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => {
        say(socket.remoteAddress, socket.remoteFamily);
        socket.end();
      });
      server.listen(0, () => {
        const { port } = server.address();
        net
          .connect({ port, host: 'b.test.ntm' })
          .resume()
          .on('close', () => {
            net
              .connect({ port, host: 'b.test.ntm', family: 6 })
              .resume()
              .on('close', () => server.close());
          });
      });
    });
    assert.deepStrictEqual(said, [
      ['::ffff:198.18.0.1', 'IPv6'],
      ['fd00:6e74::1', 'IPv6'],
    ]);
  });

  it('allowHalfOpen: the client ends first -> the server still answers, and the client still reads', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer({ allowHalfOpen: true }, (socket: any) => {
        let text = '';
        socket.on('data', (chunk: Buffer) => (text += chunk));
        socket.on('end', () => setTimeout(() => socket.end(`got ${text}`), 20));
      });
      server.listen(0, () => {
        const client = net.connect(server.address().port, 'b.test.ntm');
        client.end('question');
        client.on('data', (chunk: Buffer) => say(String(chunk)));
        client.on('end', () => say('end'));
        client.on('close', (hadError: boolean) => {
          say('close', hadError);
          server.close();
        });
      });
    });
    assert.deepStrictEqual(said, ['got question', 'end', ['close', false]]);
  });

  it('connecting: write and end before the connection -> delivered in order, then end', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => {
        let text = '';
        socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        socket.on('end', () => say(text));
      });
      server.listen(0, () => {
        // late.example is decided only later: the handle is replaced while the socket is connecting.
        const client = net.connect(server.address().port, 'late.example');
        client.write('one ');
        client.write(Buffer.from('two '));
        client.write('7468726565', 'hex');
        client.end();
        client.resume().on('close', () => server.close());
      });
    });
    assert.deepStrictEqual(said, ['one two three']);
  });

  it('open: mixed encodings are corked into one write -> all arrive as Node encodes them', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => {
        const chunks: Buffer[] = [];
        socket.on('data', (chunk: Buffer) => chunks.push(chunk));
        socket.on('end', () => say(Buffer.concat(chunks).toString('hex')));
      });
      server.listen(0, () => {
        const client = net.connect(server.address().port, 'b.test.ntm', () => {
          client.cork();
          client.write('é', 'utf8');
          client.write('é', 'latin1');
          client.write('é', 'utf16le');
          client.write(new Uint8Array([1, 2]));
          client.uncork();
          client.write('ascii', 'ascii');
          client.write('ucs2', 'ucs2');
          client.end();
        });
        client.resume().on('close', () => server.close());
      });
    });
    const expected = [
      'é',
      Buffer.from('é', 'latin1'),
      Buffer.from('é', 'utf16le'),
      Buffer.from([1, 2]),
      'ascii',
      Buffer.from('ucs2', 'utf16le'),
    ];
    assert.deepStrictEqual(said, [Buffer.concat(expected.map((part) => Buffer.from(part as string))).toString('hex')]);
  });

  it('open: the onread option with one buffer -> each delivery fits it, a pause keeps the rest', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.end('0123456789'));
      server.listen(0, () => {
        const buffer = Buffer.alloc(4);
        const parts: string[] = [];
        const client = net.connect({
          port: server.address().port,
          host: 'b.test.ntm',
          onread: {
            buffer,
            callback(length: number, bytes: Buffer) {
              parts.push(bytes.toString('latin1', 0, length));
              if (parts.length !== 1) return true;
              setTimeout(() => {
                say('paused', parts.length);
                client.resume();
              }, 50);
              return false;
            },
          },
        });
        client.on('close', () => {
          say(parts);
          server.close();
        });
      });
    });
    assert.deepStrictEqual(said, [
      ['paused', 1],
      ['0123', '4567', '89'],
    ]);
  });

  it("open: connect, data, end, close -> ticks and microtasks run in between, in Node's order", async () => {
    const program = (): void => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.end('bye'));
      server.listen(0, () => {
        const client = net.connect(server.address().port, process.env['HOST']);
        const log: string[] = [];
        for (const event of ['lookup', 'connect', 'ready', 'data', 'end', 'finish', 'close']) {
          client.on(event, () => {
            log.push(event);
            process.nextTick(() => log.push(`${event}:tick`));
            void Promise.resolve().then(() => process.nextTick(() => log.push(`${event}:later`)));
          });
        }
        client.on('close', () => server.close());
        server.on('close', () => setImmediate(() => say(log)));
      });
    };
    const virtual = await run(program, { env: { HOST: 'b.test.ntm' } });
    const real = await run(program, { env: { HOST: '127.0.0.1' }, plain: true });
    const withoutLookup = (log: unknown): unknown[] => (log as string[]).filter((entry) => !entry.startsWith('lookup'));
    assert.deepStrictEqual(withoutLookup(virtual[0]), withoutLookup(real[0]));
  });

  it('open: setNoDelay, setKeepAlive -> reach the stack, in milliseconds', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.resume());
      server.listen(0, () => {
        const client = net.connect({
          port: server.address().port,
          host: 'b.test.ntm',
          noDelay: true,
          keepAlive: true,
          keepAliveInitialDelay: 7000,
        });
        client.on('connect', () => {
          const [connection] = [...network.connections].filter((each) => each.local.port === client.localPort);
          say(connection!.options);
          client.end();
          server.close();
        });
      });
    });
    assert.deepStrictEqual(said, [{ noDelay: true, keepAliveMs: 7000 }]);
  });

  it("AsyncLocalStorage: a store at connect -> seen in the client's events, not in the accepted socket", async () => {
    const said = await run(() => {
      const net = require('node:net');
      const storage = new (require('node:async_hooks').AsyncLocalStorage)();
      const server = net.createServer((socket: any) => {
        socket.on('data', () => {
          say('accepted', storage.getStore() ?? null);
          socket.end('x');
        });
      });
      server.listen(0, () => {
        storage.run('client', () => {
          const client = net.connect(server.address().port, 'b.test.ntm', () => {
            say('connect', storage.getStore());
            client.write('x');
          });
          client.on('data', () => say('data', storage.getStore()));
          client.on('close', () => {
            say('close', storage.getStore());
            server.close();
          });
        });
      });
    });
    assert.deepStrictEqual(said, [
      ['connect', 'client'],
      ['accepted', null],
      ['data', 'client'],
      ['close', 'client'],
    ]);
  });
});
