/** A primary of `cluster` and its workers; the client is in the primary, and dials by name. */
import assert from 'node:assert';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import { describePrograms, run, type ProgramOptions } from '../support/run-program';

describePrograms('node:cluster, connections shared by the primary', () => {
  let directory: string;
  before(() => (directory = mkdtempSync(path.join(tmpdir(), 'ntmobile-cluster-'))));
  after(() => rmSync(directory, { recursive: true }));

  /** `primary` finds the workers' program in `process.env.WORKER`, and the preload in its own `execArgv`. */
  function runCluster(
    worker: () => unknown,
    primary: () => unknown,
    env: ProgramOptions['env'] = {},
  ): Promise<unknown[]> {
    const file = path.join(directory, 'worker.js');
    writeFileSync(file, `(${worker.toString()})()`);
    return run(primary, { env: { ...env, WORKER: file } });
  }

  const addressesServer = (): void => {
    const { worker } = require('node:cluster');
    const answer = ({ socket }: any, response: any): void => {
      const { remoteAddress, remotePort, remoteFamily, localAddress, localPort } = socket;
      response.end(JSON.stringify({ id: worker.id, remoteAddress, remotePort, remoteFamily, localAddress, localPort }));
    };
    require('node:http').createServer(answer).listen(0);
  };

  it('two workers listen: a node connects -> both serve it, and see the virtual addresses of both ends', async () => {
    const said = await runCluster(addressesServer, () => {
      const cluster = require('node:cluster');
      cluster.setupPrimary({ exec: process.env['WORKER'], execArgv: process.execArgv.slice(0, 2) });
      const get = (options: object): Promise<any> =>
        new Promise((done, fail) => {
          const request = require('node:http').get({ ...options, agent: false }, async (response: any) => {
            let body = '';
            for await (const chunk of response) body += chunk;
            const { localPort } = response.socket;
            const { id, remotePort, localPort: port, ...rest } = JSON.parse(body);
            done({ id, ports: [remotePort === localPort, port === (options as { port: number }).port], ...rest });
          });
          request.on('error', fail);
        });
      cluster.fork();
      cluster.fork();
      let listening = 0;
      cluster.on('listening', async (_worker: unknown, { port }: { port: number }) => {
        if (++listening < 2) return;
        const ids = new Set();
        for (const options of [
          { host: 'b.test.ntm', family: 4 },
          { host: 'b.test.ntm', family: 4 },
          { host: 'b.test.ntm', family: 6 },
          { host: '127.0.0.1' },
        ]) {
          const { id, ...seen } = await get({ ...options, port });
          ids.add(id);
          say(seen);
        }
        say('workers', [...ids].sort());
        cluster.disconnect(() => say('left', holdCount(), network.connections.size, network.listenerCount));
      });
    });
    const ports = [true, true];
    const ofIPv4 = {
      ports,
      remoteAddress: '::ffff:198.18.0.1',
      remoteFamily: 'IPv6',
      localAddress: '::ffff:198.18.0.2',
    };
    const ofIPv6 = { ports, remoteAddress: 'fd00:6e74::1', remoteFamily: 'IPv6', localAddress: 'fd00:6e74::2' };
    const ofHost = { ports, remoteAddress: '::ffff:127.0.0.1', remoteFamily: 'IPv6', localAddress: '::ffff:127.0.0.1' };
    assert.deepStrictEqual(said, [ofIPv4, ofIPv4, ofIPv6, ofHost, ['workers', [1, 2]], ['left', 0, 0, 0]]);
  });

  it('a worker with TLS on 0.0.0.0: a node sends 5 MB and its end -> the worker sends as much back, then its end', async () => {
    const said = await runCluster(
      async () => {
        const { private: key, cert } = await require('selfsigned').generate([
          { name: 'commonName', value: 'b.test.ntm' },
        ]);
        const server = require('node:tls').createServer({ key, cert, allowHalfOpen: true }, async (socket: any) => {
          const chunks = [];
          for await (const chunk of socket.iterator({ destroyOnReturn: false })) chunks.push(chunk);
          socket.end(Buffer.concat([Buffer.from(`${socket.remoteAddress} `), ...chunks]));
        });
        server.listen(0, '0.0.0.0');
      },
      () => {
        const cluster = require('node:cluster');
        const body = require('node:crypto').randomBytes(5e6);
        cluster.setupPrimary({ exec: process.env['WORKER'], execArgv: process.execArgv.slice(0, 2) });
        cluster.fork().on('listening', async (_address: { port: number }) => {
          const options = { host: 'b.test.ntm', port: _address.port, rejectUnauthorized: false, allowHalfOpen: true };
          const client = require('node:tls').connect(options, () => client.end(body));
          const chunks = [];
          for await (const chunk of client) chunks.push(chunk);
          say(Buffer.concat([Buffer.from('198.18.0.1 '), body]).equals(Buffer.concat(chunks)));
          cluster.disconnect(() => say('left', holdCount(), network.connections.size));
        });
      },
      { NODE_PATH: path.join(__dirname, '..', '..', '..', 'node_modules') },
    );
    assert.deepStrictEqual(said, [true, ['left', 0, 0]]);
  });

  it('a worker and a node are connected: either resets the connection -> the other has ECONNRESET', async () => {
    const said = await runCluster(
      () => {
        const server = require('node:net').createServer((socket: any) => {
          socket.on('error', ({ code }: { code: string }) => process.send!({ worker: code }));
          socket.on('data', (chunk: Buffer) => {
            if (String(chunk) === 'reset me') socket.resetAndDestroy();
            else socket.write('reset yourself');
          });
        });
        server.listen(0);
      },
      () => {
        const cluster = require('node:cluster');
        cluster.setupPrimary({ exec: process.env['WORKER'], execArgv: process.execArgv.slice(0, 2) });
        const worker = cluster.fork();
        worker.on('listening', ({ port }: { port: number }) => {
          const first = require('node:net').connect(port, 'b.test.ntm', () => first.write('reset me'));
          first.on('error', ({ code }: { code: string }) => {
            say({ node: code });
            const second = require('node:net').connect(port, 'b.test.ntm', () => second.write('go on'));
            second.on('data', () => second.resetAndDestroy());
          });
        });
        worker.on('message', (message: unknown) => {
          say(message);
          cluster.disconnect(() => say('left', holdCount(), network.connections.size));
        });
      },
    );
    assert.deepStrictEqual(said, [{ node: 'ECONNRESET' }, { worker: 'ECONNRESET' }, ['left', 0, 0]]);
  });

  it('a worker does not read: a node writes 32 MB -> it is held back, the primary keeps no more than a window', async () => {
    const said = await runCluster(
      () => {
        const server = require('node:net').createServer((socket: any) => {
          let length = 0;
          process.on('message', () => socket.on('data', (chunk: Buffer) => (length += chunk.length)));
          socket.on('end', () => process.send!({ length }));
        });
        server.listen(0);
      },
      () => {
        const cluster = require('node:cluster');
        cluster.setupPrimary({ exec: process.env['WORKER'], execArgv: process.execArgv.slice(0, 2) });
        const worker = cluster.fork();
        worker.on('listening', ({ port }: { port: number }) => {
          const client = require('node:net').connect(port, 'b.test.ntm', () => client.end(Buffer.alloc(32 << 20)));
          let before = -1;
          const look = setInterval(() => {
            const { writeQueueSize } = client._handle;
            if (writeQueueSize !== before) return void (before = writeQueueSize);
            clearInterval(look);
            const [bridged] = [...network.connections].filter(({ remote }) => remote.port === client.localPort);
            say('held back', writeQueueSize > 0, bridged!.unconsumed > 0 && bridged!.unconsumed <= 256 * 1024);
            worker.send('read');
          }, 100);
        });
        worker.on('message', (message: unknown) => {
          say(message);
          cluster.disconnect();
        });
      },
    );
    assert.deepStrictEqual(said, [['held back', true, true], { length: 32 << 20 }]);
  });

  it("one of two workers is killed -> its connections end, also one that it never took; the other's go on", async () => {
    const said = await runCluster(
      () => {
        const server = require('node:net').createServer((socket: any) => {
          socket.on('data', (chunk: Buffer) => {
            socket.write(`${process.pid}`);
            if (String(chunk) === 'hang') for (;;);
          });
        });
        server.listen(0);
      },
      () => {
        const cluster = require('node:cluster');
        const { once } = require('node:events');
        cluster.setupPrimary({ exec: process.env['WORKER'], execArgv: process.execArgv.slice(0, 2) });
        cluster.fork();
        cluster.fork();
        let listening = 0;
        cluster.on('listening', async (_worker: unknown, { port }: { port: number }) => {
          if (++listening < 2) return;
          const dial = async (): Promise<any> => {
            const client = require('node:net').connect(port, 'b.test.ntm');
            client.on('error', () => {});
            await once(client, 'connect');
            return client;
          };
          const ask = async (client: any, question: string): Promise<number> => {
            client.write(question);
            return Number((await once(client, 'data'))[0]);
          };
          const doomed = await dial();
          const other = await dial();
          const [doomedPid, otherPid] = [await ask(doomed, 'who'), await ask(other, 'who')];
          say('two workers', doomedPid !== otherPid);
          await ask(doomed, 'hang');
          // One of the next two is offered to the worker that hangs.
          const more = [await dial(), await dial()];
          for (const client of more) client.write('who');
          const served = await Promise.race(more.map((client) => once(client, 'data').then(() => client)));
          const untaken = more.find((client) => client !== served);
          const ends = [doomed, untaken].map((each) => new Promise<void>((done) => each.once('close', () => done())));
          process.kill(doomedPid, 'SIGKILL');
          await Promise.all(ends);
          say('ended');
          say('the other', (await ask(other, 'still')) === otherPid, (await ask(served, 'still')) === otherPid);
          other.destroy();
          served.destroy();
          cluster.disconnect(() => say('left', holdCount(), network.connections.size));
        });
      },
    );
    assert.deepStrictEqual(said, [['two workers', true], 'ended', ['the other', true, true], ['left', 0, 0]]);
  });

  it('a worker takes one connection at a time: a second comes -> it is served once the first is closed', async () => {
    const said = await runCluster(
      () => {
        const server = require('node:net').createServer((socket: any) => socket.write(socket.remoteAddress));
        server.maxConnections = 1;
        server.listen(0);
      },
      () => {
        const cluster = require('node:cluster');
        cluster.setupPrimary({ exec: process.env['WORKER'], execArgv: process.execArgv.slice(0, 2) });
        cluster.fork().on('listening', ({ port }: { port: number }) => {
          const first = require('node:net').connect(port, 'b.test.ntm');
          first.on('data', (chunk: Buffer) => {
            say('first', String(chunk));
            const second = require('node:net').connect(port, 'b.test.ntm', () => setTimeout(() => first.destroy(), 50));
            second.on('data', (late: Buffer) => {
              say('second', String(late), first.destroyed);
              second.destroy();
              cluster.disconnect();
            });
          });
        });
      },
    );
    assert.deepStrictEqual(said, [
      ['first', '::ffff:198.18.0.1'],
      ['second', '::ffff:198.18.0.1', true],
    ]);
  });

  it('a worker runs without the preload: nodes connect -> each is reset, and offered once; one warning; the host is served', async () => {
    const said = await runCluster(addressesServer, () => {
      const cluster = require('node:cluster');
      cluster.setupPrimary({ exec: process.env['WORKER'], execArgv: [] });
      process.on('warning', ({ code }: any) => say('warning', code));
      const worker = cluster.fork();
      let offered = 0;
      worker.process.on('internalMessage', ({ accepted }: any) => accepted !== undefined && offered++);
      worker.on('listening', ({ port }: { port: number }) => {
        const dial = (next: () => void): void => {
          const client = require('node:net').connect(port, 'b.test.ntm');
          client.on('error', ({ code }: { code: string }) => say(code));
          client.on('close', next);
        };
        dial(() =>
          dial(() =>
            require('node:http').get({ host: '127.0.0.1', port, agent: false }, (response: any) => {
              response.on('data', (chunk: Buffer) => say(JSON.parse(String(chunk)).remoteAddress));
              response.on('end', () =>
                cluster.disconnect(() => say('left', holdCount(), network.connections.size, offered)),
              );
            }),
          ),
        );
      });
    });
    const warnings = said.filter((line) => Array.isArray(line) && line[0] === 'warning');
    assert.deepStrictEqual(warnings, [['warning', 'NTM_WORKER_NOT_PRELOADED']]);
    const rest = said.filter((line) => line !== warnings[0]);
    assert.deepStrictEqual(rest, ['ECONNRESET', 'ECONNRESET', '::ffff:127.0.0.1', ['left', 0, 0, 3]]);
  });

  it('SCHED_NONE, workers accept by themselves: they listen on a wildcard -> each warns once, the host is served', async () => {
    const said = await runCluster(
      () => {
        process.on('warning', ({ code }: any) => process.send!(code));
        const http = require('node:http');
        const server = http.createServer(({ socket }: any, response: any) => response.end(socket.remoteAddress));
        server.listen(0, () => http.createServer().listen(0, () => process.send!({ port: server.address().port })));
      },
      () => {
        const cluster = require('node:cluster');
        cluster.setupPrimary({ exec: process.env['WORKER'], execArgv: process.execArgv.slice(0, 2) });
        cluster.fork().on('message', (message: any) => {
          say(typeof message === 'string' ? message : 'listening');
          if (!message.port) return;
          require('node:http').get({ host: '127.0.0.1', port: message.port, agent: false }, (response: any) => {
            response.on('data', (chunk: Buffer) => say(String(chunk)));
            response.on('end', () => cluster.disconnect());
          });
        });
      },
      { NODE_CLUSTER_SCHED_POLICY: 'none' },
    );
    assert.deepStrictEqual(said, ['NTM_SHARED_LISTENER', 'listening', '::ffff:127.0.0.1']);
  });
});
