/** Of UDP sockets: buffers, queues, handles that came from elsewhere, and what has no need of a node. */
import assert from 'node:assert';
import { bothFamilies } from '../support/as-on-host';
import { describePrograms, run } from '../support/run-program';

describePrograms('UDP sockets', () => {
  bothFamilies('a custom lookup -> asked for every name, and its answer is dialled', () => {
    const dgram = require('node:dgram');
    const { HOST, TYPE } = process.env;
    const lookup = (name: string, family: number, done: (...args: unknown[]) => void): void => {
      say(name, family);
      require('node:dns').lookup(name === 'my.peer' ? HOST : name, family, done);
    };
    const client = dgram.createSocket({ type: TYPE, lookup });
    const server = dgram.createSocket(TYPE).on('message', (message: Buffer) => {
      say(String(message));
      client.close();
      server.close();
    });
    server.bind(0, () => client.send('hello', server.address().port, 'my.peer'));
  });

  bothFamilies('an address of the other family -> refused as on the host', () => {
    const dgram = require('node:dgram');
    const { TYPE } = process.env;
    const loopback = TYPE === 'udp4' ? '::1' : '127.0.0.1';
    const virtual = TYPE === 'udp4' ? 'fd00:6e74::2' : '198.18.0.2';
    const socket = dgram.createSocket(TYPE);
    socket.send('x', 9, 'network' in globalThis ? virtual : loopback, (error: any) => {
      say(error.code, error.syscall, error.port);
      socket.close();
    });
  });

  bothFamilies('empty datagram, list of views, offset and length -> arrive as they were sent', () => {
    const dgram = require('node:dgram');
    const { HOST, TYPE } = process.env;
    const client = dgram.createSocket(TYPE);
    let heard = 0;
    const server = dgram.createSocket(TYPE).on('message', (message: Buffer, { size }: any) => {
      say(message.toString('hex'), size);
      if (++heard < 4) return;
      client.close();
      server.close();
    });
    server.bind(0, () => {
      const { port } = server.address();
      client.send('', port, HOST);
      client.send([Buffer.from('ab'), new Uint16Array([1, 2]), 'c'], port, HOST);
      client.send(new DataView(new ArrayBuffer(8), 2, 3), port, HOST);
      client.send(Buffer.from('0123456789'), 3, 4, port, HOST);
    });
  });

  bothFamilies('close in the callback of bind, twice, after a send -> as on the host', () => {
    const dgram = require('node:dgram');
    const { HOST, TYPE } = process.env;
    const socket = dgram.createSocket(TYPE).on('close', () => say('close'));
    socket.bind(() => {
      socket.send('x', socket.address().port, HOST, (error: any, size: number) => say(error?.code ?? null, size));
      socket.close(() => say('closed'));
      for (const act of ['close', 'address', 'getSendQueueSize']) {
        try {
          say(act, socket[act]());
        } catch (error: any) {
          say(act, error.code);
        }
      }
    });
  });

  bothFamilies('a listener throws -> an uncaught exception, and the next datagram is heard', () => {
    const dgram = require('node:dgram');
    const { HOST, TYPE } = process.env;
    process.on('uncaughtException', (error) => say(error.message));
    const client = dgram.createSocket(TYPE);
    const server = dgram.createSocket(TYPE).on('message', (message: Buffer) => {
      if (String(message) === 'first') throw new Error('of the listener');
      say(String(message));
      client.close();
      server.close();
    });
    server.bind(0, () => {
      client.send('first', server.address().port, HOST);
      client.send('second', server.address().port, HOST);
    });
  });

  it('a program sends to the host only -> the network is not asked for anything; one that serves opens its port', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      const server = dgram.createSocket('udp4');
      server.on('message', () => {
        say('heard', network.calls, network.udp.socketCount);
        connected.close();
        client.close();
        server.close();
      });
      const client = dgram.createSocket('udp4');
      const connected = dgram.createSocket('udp4');
      server.bind(0, '127.0.0.1', () => {
        connected.connect(server.address().port, '127.0.0.1', () => {
          say(network.calls);
          client.send('x', server.address().port, '127.0.0.1');
        });
      });
      const other = dgram.createSocket('udp4').bind(0, () => {
        say('serves', network.calls);
        other.close();
      });
    });
    assert.deepEqual(said.at(-1), ['heard', 1, 0]);
    assert.deepEqual(said.slice(0, -1).sort(), [['serves', 1], 1].sort());
  });

  it('bound by its first send: a third node sends to that port -> heard, and address() shows it', async () => {
    for (const mode of ['both', 'virtual']) {
      const said = await run(
        () => {
          const dgram = require('node:dgram');
          const client = dgram.createSocket('udp4').on('message', (message: Buffer) => {
            say(String(message));
            client.close();
          });
          const third = { address: '198.18.0.1', port: 0 };
          const stranger = network.openUdp(third, { received() {}, failed() {} });
          const told = network.openUdp(third, {
            received(_bytes, from) {
              say(from.port === client.address().port);
              stranger.send(Buffer.from('stranger'), from);
            },
            failed() {},
          });
          client.send('x', told.local.port, third.address);
        },
        { env: { NTMOBILE_LISTEN: mode } },
      );
      assert.deepEqual(said, [true, 'stranger'], mode);
    }
  });

  it('slow tunnel: datagrams wait -> getSendQueueSize and -Count tell; a callback throws -> the others go out', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      process.on('uncaughtException', (error) => say(error.message));
      const server = dgram.createSocket('udp4').on('message', (message: Buffer) => {
        if (String(message) !== 'three') return;
        say(client.getSendQueueSize(), client.getSendQueueCount());
        server.close();
        client.close();
      });
      const client = dgram.createSocket('udp4');
      server.bind(0, () => {
        const { port } = server.address();
        client.bind(0, () => {
          const sent = (): void => {
            throw new Error('of the callback');
          };
          client.connect(port, '198.18.0.3', () => {
            for (const text of ['one', 'two', 'three']) client.send(text, sent);
            say(client.getSendQueueSize(), client.getSendQueueCount());
          });
        });
      });
    });
    assert.deepEqual(
      said.filter((line) => Array.isArray(line)),
      [
        [11, 3],
        [0, 0],
      ],
    );
    assert.equal(said.filter((line) => line === 'of the callback').length, 3);
  });

  it('no tunnel comes: more than a queue is sent, empty ones too -> ENOBUFS, and counted', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      const client = dgram.createSocket('udp4').bind(0, () => {
        let refused = 0;
        for (let i = 0; i < 1_000; i++) {
          client.send('', 9, '198.18.0.8', (error: any) => {
            if (error.code !== 'ENOBUFS' || ++refused > 1) return;
            say(client.getSendQueueCount() + network.udp.unsent);
            process.exit();
          });
        }
      });
    });
    assert.deepEqual(said, [1_000]);
  });

  it('no tunnel yet: a datagram is too long -> EMSGSIZE at once, however long it is', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      const client = dgram.createSocket('udp4');
      client.send(Buffer.alloc(65_508), 9, '198.18.0.8', (first: any) => {
        client.send(Buffer.alloc(1 << 20), 9, '198.18.0.8', (second: any) => {
          say(first.code, second.code, network.udp.unsent);
          client.close();
        });
      });
    });
    assert.deepEqual(said, [['EMSGSIZE', 'EMSGSIZE', 0]]);
  });

  it('connected to an absent node, nobody listens for errors: send -> thrown, with the cause', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      process.on('uncaughtException', (error: any) => {
        say(error.message, error.cause?.code, Object.hasOwn(client, 'emit'), network.udp.unsent);
        client.close();
      });
      const client = dgram.createSocket('udp4');
      client.connect(9, 'absent.test.ntm', () => client.send('x'));
    });
    assert.deepEqual(said, [['recvmsg EHOSTUNREACH', 'NTM_NODE_ABSENT', false, 1]]);
  });

  it('setRecvBufferSize: a flood -> as many are kept as fit, empty ones as well', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      const keeps = (bytes: number, next: () => void, size?: number): void => {
        const server = dgram.createSocket({ type: 'udp4', recvBufferSize: size });
        let heard = 0;
        const before = network.udp.overflows;
        server.on('message', () => heard++);
        server.bind(0, () => {
          const client = dgram.createSocket('udp4').bind(0, () => {
            for (let i = 0; i < 2_000; i++) client.send(Buffer.alloc(bytes), server.address().port, '198.18.0.2');
            const done = setInterval(() => {
              if (heard + network.udp.overflows - before < 2_000) return;
              clearInterval(done);
              say(heard);
              server.close();
              client.close(next);
            }, 1);
          });
        });
      };
      keeps(1_000, () => keeps(0, () => keeps(1_000, () => {}, 8_192)));
    });
    const [full, empty, small] = said as number[];
    assert.ok(full! >= 100 && full! <= 212, `${full}`);
    assert.ok(empty! >= full! && empty! < 1_000, `${empty}`);
    assert.ok(small! >= 4 && small! < 50, `${small}`);
  });

  it('a socket from a file descriptor -> is reached by name, and answers', async () => {
    const program = (): void => {
      const dgram = require('node:dgram');
      // A process that was started with a socket: one of the host's, which the shim has not seen.
      shim.restore();
      const probe = dgram.createSocket('udp4');
      const state: any = Object.getOwnPropertySymbols(probe).find((key) => key.description === 'state symbol');
      const inherited = new probe[state].handle.constructor();
      probe.close();
      inherited.bind('0.0.0.0', 0, 0);
      require(process.env['INSTALL']!).installShim(network, { listen: 'both' });
      const server = dgram.createSocket('udp4');
      const client = dgram.createSocket('udp4');
      server.on('message', (message: Buffer, from: any) => server.send(message, from.port, from.address));
      client.on('message', (message: Buffer) => {
        say(String(message));
        process.exit(); // two handles have this descriptor, and only one can close it
      });
      server.bind({ fd: inherited.fd }, () => client.send('hello', server.address().port, 'b.test.ntm'));
    };
    const said = await run(program, { env: { INSTALL: require.resolve('../../shim/install') } });
    assert.deepEqual(said, ['hello']);
  });

  it('cluster: a worker has its socket of the primary -> it sends to a node, and hears the answer', async () => {
    const said = await run(() => {
      const cluster = require('node:cluster');
      const { writeFileSync, unlinkSync } = require('node:fs');
      const file = `${require('node:os').tmpdir()}/ntmobile-cluster-udp-${process.pid}.js`;
      const work = (): void => {
        const dgram = require('node:dgram');
        const client = dgram.createSocket('udp4');
        const server = dgram.createSocket('udp4');
        server.on('message', (message: Buffer, from: any) => server.send(message, from.port, from.address));
        client.on('message', (message: Buffer) => process.send!(String(message)));
        server.bind({ port: 0, exclusive: true }, () => {
          client.bind(0, () => client.send('hello', server.address().port, 'b.test.ntm'));
        });
      };
      writeFileSync(file, `(${work.toString()})()`);
      cluster.setupPrimary({ exec: file, execArgv: process.execArgv.slice(0, 2) });
      const worker = cluster.fork();
      worker.on('message', (message: string) => {
        say(message);
        worker.kill();
      });
      worker.on('exit', () => unlinkSync(file));
    });
    assert.deepEqual(said, ['hello']);
  });
});
