/** Programs in worker threads: their sockets are those of the node that the main thread has. */
import assert from 'node:assert';
import { describePrograms, run } from '../support/run-program';

/** Runs `program` in a worker; what it says by `tell` the main thread says. */
function runInWorker(program: () => unknown, joined = true): Promise<unknown[]> {
  const source = `const { parentPort, workerData } = require('node:worker_threads');
    const tell = (...values) => parentPort.postMessage(values.length === 1 ? values[0] : values);
    (${program.toString()})();`;
  return run(
    () => {
      const { Worker } = require('node:worker_threads');
      network.joined = process.env['JOINED'] === '1';
      const worker = new Worker(process.env['SOURCE'], { eval: true });
      worker.on('message', say);
      worker.on('error', (error: Error) => say(error.stack));
      worker.on('exit', (code: number) => say('exit', code, network.connections.size, network.listenerCount));
    },
    { env: { SOURCE: source, JOINED: joined ? '1' : '' } },
  );
}

declare function tell(...values: unknown[]): void;

describePrograms('a worker thread', () => {
  it('a server and a client by HTTP: 5 MB each way -> intact, and the worker ends by itself', async () => {
    const said = await runInWorker(() => {
      const http = require('node:http');
      const { createHash, randomBytes } = require('node:crypto');
      const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
      const whole = async (stream: any): Promise<Buffer> => {
        const chunks = [];
        for await (const chunk of stream) chunks.push(chunk);
        return Buffer.concat(chunks);
      };
      const server = http.createServer(async (request: any, response: any) => {
        const { remoteAddress, localAddress, localPort } = request.socket;
        tell(remoteAddress, localAddress, localPort === server.address().port);
        const sent = await whole(request);
        response.setHeader('sent', digest(sent)).end(sent.reverse());
      });
      server.listen(0, () => {
        const body = randomBytes(5e6);
        const { port } = server.address();
        const request = http.request(
          { host: 'b.test.ntm', port, method: 'POST', agent: false },
          async (response: any) => {
            const answer = await whole(response);
            tell(response.headers.sent === digest(body), digest(answer) === digest(body.reverse()));
            tell(response.socket.localAddress, response.socket.localPort > 0);
            server.close();
          },
        );
        request.end(body);
      });
    });
    assert.deepStrictEqual(said, [
      ['::ffff:198.18.0.1', '::ffff:198.18.0.2', true],
      [true, true],
      ['198.18.0.1', true],
      ['exit', 0, 0, 0],
    ]);
  });

  it('names and addresses that fail -> Node errors with their causes', async () => {
    const said = await runInWorker(() => {
      const net = require('node:net');
      const dns = require('node:dns');
      const show = ({ code, syscall, cause }: any): unknown => [code, syscall, cause?.name ?? '', cause?.code ?? ''];
      dns.lookup('nobody.test.ntm', (error: unknown) => {
        tell('lookup', show(error));
        net.connect(80, 'absent.test.ntm').on('error', (absent: unknown) => {
          tell('absent', show(absent));
          net.connect(81, 'b.test.ntm').on('error', (refused: unknown) => {
            tell('refused', show(refused));
            dns.reverse('198.18.0.2', (_error: unknown, names: string[]) => tell('reverse', names));
          });
        });
      });
    });
    assert.deepStrictEqual(said, [
      ['lookup', ['ENOTFOUND', 'getaddrinfo', 'NtmError', 'NTM_NO_SUCH_NAME']],
      ['absent', ['EHOSTUNREACH', 'connect', 'NtmError', 'NTM_NODE_ABSENT']],
      ['refused', ['ECONNREFUSED', 'connect', '', '']],
      ['reverse', ['b.test.ntm']],
      ['exit', 0, 0, 0],
    ]);
  });

  it('a name that is undecided at first -> virtual once the network is known', async () => {
    const said = await runInWorker(() => {
      const dns = require('node:dns');
      dns.lookup('late.example', (_error: unknown, address: string) => tell(address));
    }, false);
    assert.deepStrictEqual(said, ['198.18.0.2', ['exit', 0, 0, 0]]);
  });

  it('UDP both ways, 100 datagrams -> all echoed in order, with addresses', async () => {
    const said = await runInWorker(() => {
      const dgram = require('node:dgram');
      const server = dgram.createSocket('udp4').on('message', (bytes: Buffer, { port, address }: any) => {
        server.send(bytes, port, address);
      });
      server.bind(0, () => {
        const client = dgram.createSocket('udp4');
        const got: number[] = [];
        client.on('message', (bytes: Buffer, { address }: any) => {
          got.push(bytes.readUInt32BE());
          if (got.length < 100) return;
          tell(
            address,
            got.every((value, i) => value === i),
          );
          client.close();
          server.close();
        });
        for (let i = 0; i < 100; i++) {
          const bytes = Buffer.alloc(200);
          bytes.writeUInt32BE(i);
          client.send(bytes, server.address().port, 'b.test.ntm');
        }
      });
    });
    assert.deepStrictEqual(said, [
      ['198.18.0.2', true],
      ['exit', 0, 0, 0],
    ]);
  });

  it('a port that is taken -> EADDRINUSE; a reset and an end -> as from any socket', async () => {
    const said = await runInWorker(() => {
      const net = require('node:net');
      const server = net.createServer({ allowHalfOpen: true }, (socket: any) => {
        socket.on('error', ({ code }: any) => tell('server', code));
        socket.on('end', () => socket.end('goodbye'));
        socket.on('data', (bytes: Buffer) => String(bytes) === 'reset' && socket.resetAndDestroy());
      });
      server.listen(0, () => {
        const { port } = server.address();
        const second = net.createServer().listen(port, () => {});
        second.on('error', ({ code }: any) => tell(code));
        const client = net.connect(port, 'b.test.ntm', () => client.end('hello'));
        client.on('data', (bytes: Buffer) => tell(bytes.toString()));
        client.on('close', (hadError: boolean) => {
          tell('close', hadError);
          const other = net.connect(port, 'b.test.ntm', () => other.write('reset'));
          other.on('error', ({ code }: any) => tell(code));
          other.on('close', () => server.close());
        });
      });
    });
    assert.deepStrictEqual(said, ['EADDRINUSE', 'goodbye', ['close', false], 'ECONNRESET', ['exit', 0, 0, 0]]);
  });

  it('a worker of a worker -> dials, too', async () => {
    const said = await runInWorker(() => {
      const { Worker } = require('node:worker_threads');
      const inner = `const server = require('node:net').createServer((socket) => socket.end('from the inner one'));
        server.listen(0, () => {
          const client = require('node:net').connect(server.address().port, 'b.test.ntm');
          client.on('data', (bytes) => require('node:worker_threads').parentPort.postMessage(bytes.toString()));
          client.on('close', () => server.close());
        })`;
      new Worker(inner, { eval: true }).on('message', tell);
    });
    assert.deepStrictEqual(said, ['from the inner one', ['exit', 0, 0, 0]]);
  });

  it('terminated while it is connected -> its connection is reset, its port is free', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const { Worker } = require('node:worker_threads');
      const source = `const server = require('node:net').createServer((socket) => socket.resume());
        server.listen(0, () => require('node:worker_threads').parentPort.postMessage(server.address().port));`;
      const worker = new Worker(source, { eval: true });
      worker.on('message', (port: number) => {
        const client = net.connect(port, 'b.test.ntm', () => worker.terminate());
        client.on('error', ({ code }: any) => say(code, network.listenerCount));
      });
    });
    assert.deepStrictEqual(said, [['ECONNRESET', 0]]);
  });

  it('workers whose options leave the preload out, and programs that look -> they see nothing of it', async () => {
    const said = await run(() => {
      const { Worker } = require('node:worker_threads');
      const source = `const { Worker, parentPort, getEnvironmentData } = require('node:worker_threads');
        const inner = 'require("node:worker_threads").parentPort.postMessage("inner")';
        new Worker(inner, { eval: true }).on('message', (text) => {
          parentPort.postMessage([text, getEnvironmentData('ntmobile'), typeof network]);
        });`;
      const worker = new Worker(source, { eval: true, execArgv: [], env: {} });
      worker.on('message', (seen: unknown) => {
        say(seen);
        new Worker(source, { eval: true }).on('message', say);
      });
      say(Worker.name, worker instanceof Worker);
    });
    assert.deepStrictEqual(said, [
      ['Worker', true],
      ['inner', null, 'undefined'],
      ['inner', null, 'object'],
    ]);
  });
});
