/** Where UDP sockets are bound, and who reaches them then. */
import assert from 'node:assert';
import { describePrograms, run } from '../support/run-program';

describePrograms('binding of datagram sockets', () => {
  describe('who reaches a socket', () => {
    const reachability = (): void => {
      const dgram = require('node:dgram');
      const socket = dgram.createSocket('udp4');
      const heard = new Set<string>();
      const allHeard = new Promise<void>((done) =>
        socket.on('message', (message: Buffer) => {
          heard.add(String(message));
          if (heard.size === Number(process.env['HEARD'])) done();
        }),
      );
      socket.bind(0, process.env['AT'] || undefined, () => {
        const { port, address } = socket.address();
        const ends = [
          ['loopback', '127.0.0.1'],
          ['name', 'a.test.ntm'],
        ].map(([what, host]) => {
          const client = dgram.createSocket('udp4');
          return new Promise<void>((done) => client.send(what, port, host, () => done(client.close())));
        });
        // Then a moment more, for what must not arrive.
        void Promise.all([...ends, allHeard]).then(() =>
          setTimeout(() => {
            say(address, [...heard].sort());
            socket.close();
          }, 100),
        );
      });
    };
    const cases: [mode: string, at: string, heard: string[]][] = [
      ['both', '', ['loopback', 'name']],
      ['both', '127.0.0.1', ['loopback']],
      ['both', '198.18.0.1', ['name']],
      ['virtual', '', ['name']],
      ['virtual', '127.0.0.1', ['loopback']],
      ['host', '', ['loopback']],
    ];
    for (const [mode, at, heard] of cases) {
      it(`NTMOBILE_LISTEN=${mode}: bound to ${at || 'no address'} -> by ${heard.join(' and ')}`, async () => {
        const said = await run(reachability, { env: { NTMOBILE_LISTEN: mode, AT: at, HEARD: `${heard.length}` } });
        assert.deepStrictEqual(said, [[at || '0.0.0.0', heard]]);
      });
    }

    it('NTMOBILE_LISTEN=host: a client sends to a node -> its answer arrives, and nobody else does', async () => {
      const said = await run(
        () => {
          const dgram = require('node:dgram');
          const client = dgram.createSocket('udp4');
          const at = { address: '198.18.0.1', port: 0 };
          const stranger = network.openUdp(at, { received() {}, failed() {} });
          const answering = network.openUdp(at, {
            received(_bytes, from) {
              stranger.send(Buffer.from('stranger'), from);
              answering.send(Buffer.from('answer'), from);
            },
            failed() {},
          });
          client.on('message', (message: Buffer) => {
            say(String(message));
            client.close();
          });
          client.send('x', answering.local.port, at.address);
        },
        { env: { NTMOBILE_LISTEN: 'host' } },
      );
      assert.deepStrictEqual(said, ['answer']);
    });

    it('bound to loopback: send to a node -> refused, as a kernel would', async () => {
      const said = await run(() => {
        const dgram = require('node:dgram');
        const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1', () => {
          socket.send('x', 9, '198.18.0.2', (error: any) => {
            say(error.code);
            socket.close();
          });
        });
      });
      assert.deepStrictEqual(said, ['EINVAL']);
    });
  });

  it('port taken: a second socket at the virtual address -> EADDRINUSE from bind', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      const first = dgram.createSocket('udp4').bind(7001, '198.18.0.1', () => {
        const second = dgram.createSocket('udp4').on('error', (error: any) => {
          say(error.message, error.code, error.syscall);
          first.close();
        });
        second.bind(7001, '198.18.0.1');
      });
    });
    assert.deepStrictEqual(said, [['bind EADDRINUSE 198.18.0.1:7001', 'EADDRINUSE', 'bind']]);
  });

  it('options and multicast -> the host’s, on a virtual-only socket too', async () => {
    const said = await run(
      () => {
        const dgram = require('node:dgram');
        const socket = dgram.createSocket('udp4').bind(0, () => {
          socket.setBroadcast(true);
          socket.setTTL(9);
          socket.setMulticastTTL(3);
          socket.setMulticastLoopback(true);
          say(socket.getRecvBufferSize() > 0);
          try {
            socket.setTTL(1_000);
          } catch (error: any) {
            say(error.code, error.syscall);
          }
          socket.close();
        });
      },
      { env: { NTMOBILE_LISTEN: 'virtual' } },
    );
    assert.deepStrictEqual(said, [true, ['EINVAL', 'setTTL']]);
  });

  it('cluster: a worker, whose socket its primary has bound, sends to a node -> the answer arrives', async () => {
    const said = await run(() => {
      const { writeFileSync, unlinkSync } = require('node:fs');
      const cluster = require('node:cluster');
      const worker = (): void => {
        const client = require('node:dgram').createSocket('udp4');
        const echo = network.openUdp(
          { address: '198.18.0.1', port: 0 },
          { received: (bytes, from) => void echo.send(bytes, from), failed() {} },
        );
        client.on('message', (message: Buffer) => {
          process.send!(String(message));
          client.close(() => process.disconnect());
        });
        client.bind(0, () => client.send('hello', echo.local.port, '198.18.0.1'));
      };
      const file = `${require('node:os').tmpdir()}/ntmobile-cluster-udp-${process.pid}.js`;
      writeFileSync(file, `(${worker.toString()})()`);
      cluster.setupPrimary({ exec: file, execArgv: process.execArgv.slice(0, 2) }); // -r PRELOAD
      const forked = cluster.fork();
      forked.on('message', (message: unknown) => say(message));
      forked.on('exit', () => unlinkSync(file));
    });
    assert.deepStrictEqual(said, ['hello']);
  });
});
