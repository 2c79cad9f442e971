import assert from 'node:assert';
import { describePrograms, run } from '../support/run-program';

/** Who reaches a server that listens on LISTEN_AT: by loopback, by name over IPv4, by name over IPv6. */
const reachability = async (): Promise<void> => {
  const net = require('node:net');
  const server = net.createServer((socket: any) => socket.end());
  const args = process.env['LISTEN_AT'] ? [0, process.env['LISTEN_AT']] : [0];
  server.listen(...args, async () => {
    const { port, address } = server.address();
    const reached = (options: object): Promise<string> =>
      new Promise((done) => {
        const client = net.connect({ port, ...options }, () => client.destroy());
        client.on('connect', () => done('connected'));
        client.on('error', (error: any) => done(error.code));
      });
    const loopback = await reached({ host: '127.0.0.1' });
    const name4 = await reached({ host: 'a.test.ntm', family: 4 });
    const name6 = await reached({ host: 'a.test.ntm', family: 6 });
    say({ address, port: port > 0, loopback, name4, name6 });
    server.close(() => say(network.listenerCount));
  });
};

const REFUSED = 'ECONNREFUSED';
const YES = 'connected';

describePrograms('listening', () => {
  const cases: [string, string, string, object][] = [
    ['both', '', 'both', { address: '::', loopback: YES, name4: YES, name6: YES }],
    ['both', '0.0.0.0', 'both, IPv4 only', { address: '0.0.0.0', loopback: YES, name4: YES, name6: REFUSED }],
    ['both', '127.0.0.1', 'the host only', { address: '127.0.0.1', loopback: YES, name4: REFUSED, name6: REFUSED }],
    ['both', 'localhost', 'the host only', { address: '127.0.0.1', loopback: YES, name4: REFUSED, name6: REFUSED }],
    ['both', '198.18.0.1', 'virtual only', { address: '198.18.0.1', loopback: REFUSED, name4: YES, name6: REFUSED }],
    ['both', 'a.test.ntm', 'virtual only', { address: '198.18.0.1', loopback: REFUSED, name4: YES, name6: REFUSED }],
    ['virtual', '', 'virtual only', { address: '::', loopback: REFUSED, name4: YES, name6: YES }],
    ['virtual', '127.0.0.1', 'the host only', { address: '127.0.0.1', loopback: YES, name4: REFUSED, name6: REFUSED }],
    ['host', '', 'the host only', { address: '::', loopback: YES, name4: REFUSED, name6: REFUSED }],
  ];
  for (const [mode, at, outcome, expected] of cases) {
    it(`NTMOBILE_LISTEN=${mode}: listen on ${at || 'no host'} -> reachable at ${outcome}`, async () => {
      const [answer, left] = await run(reachability, { env: { NTMOBILE_LISTEN: mode, LISTEN_AT: at } });
      const { address, ...rest } = answer as { address: string };
      assert.deepStrictEqual(
        { ...rest, address: at === 'localhost' ? '127.0.0.1' : address },
        { ...expected, port: true },
      );
      assert.strictEqual(left, 0);
    });
  }

  it('port taken: a second virtual listener -> EADDRINUSE from listen', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const first = net.createServer().listen(7001, '198.18.0.1', () => {
        net
          .createServer()
          .listen(7001, '198.18.0.1')
          .on('error', (error: any) => {
            say(error.message, error.code, error.syscall, error.address, error.port);
            first.close();
          });
      });
    });
    const address = '198.18.0.1';
    assert.deepStrictEqual(said, [
      [`listen EADDRINUSE: address already in use ${address}:7001`, 'EADDRINUSE', 'listen', address, 7001],
    ]);
  });

  it("another node's address: listen -> EADDRNOTAVAIL", async () => {
    const said = await run(() => {
      require('node:net')
        .createServer()
        .listen(0, '198.18.0.2')
        .on('error', (error: any) => say(error.code, error.syscall));
    });
    assert.deepStrictEqual(said, [['EADDRNOTAVAIL', 'listen']]);
  });

  it('virtual mode: a client binds a local port towards the host -> bound for real', async () => {
    const said = await run(
      () => {
        const net = require('node:net');
        const server = net.createServer((socket: any) => {
          say(socket.remotePort === Number(process.env['LOCAL_PORT']));
          socket.end();
        });
        server.listen(0, '127.0.0.1', () => {
          const localPort = Number(process.env['LOCAL_PORT']);
          net
            .connect({ port: server.address().port, host: '127.0.0.1', localPort })
            .resume()
            .on('close', () => server.close());
        });
      },
      { env: { NTMOBILE_LISTEN: 'virtual', LOCAL_PORT: '34567' } },
    );
    assert.deepStrictEqual(said, [true]);
  });

  it('a client binds a local port towards a node -> the peer sees it', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => {
        say(socket.remotePort);
        socket.end();
      });
      server.listen(0, () => {
        const client = net.connect({ port: server.address().port, host: 'b.test.ntm', localPort: 34568 });
        client.resume().on('close', () => server.close());
      });
    });
    assert.deepStrictEqual(said, [34568]);
  });
});
