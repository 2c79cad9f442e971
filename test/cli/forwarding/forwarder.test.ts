/** From a host's port through a virtual network to a host's port: an --out rule leads to an --in rule. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Forwarder } from '../../../cli/forwarding/forwarder';
import { parseInRule, parseOutRule, type Rule } from '../../../cli/forwarding/rules';
import type { SpliceFailure } from '../../../core/splice';
import { nodeRuntime } from '../../../core/runtime-node';
import { MemoryNetwork } from '../../support/memory-network';

const NAME = 'b.test.ntm';
const { clock, timers } = nodeRuntime;

describe('forwarding', () => {
  const sockets = new Set<Socket>();
  let network: MemoryNetwork;
  let forwarder: Forwarder;
  let failures: string[];
  let server: Server;

  beforeEach(async () => {
    network = new MemoryNetwork();
    failures = [];
    server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    server.on('connection', (socket) => sockets.add(socket));
    await once(server, 'listening');
  });

  afterEach(async () => {
    forwarder.close();
    for (const socket of sockets) socket.destroy();
    sockets.clear();
    if (server.listening) await once(server.close(), 'close');
    assert.equal(network.connections.size, 0, 'no virtual connection is left');
    assert.equal(network.listenerCount, 0);
    assert.deepEqual(
      forwarder.counts().map(({ counts }) => counts.open),
      forwarder.counts().map(() => 0),
    );
  });

  const serverPort = (): number => (server.address() as AddressInfo).port;

  async function start(
    rules: readonly Rule[] = [parseOutRule(`0:${NAME}:7`), parseInRule(`7:127.0.0.1:${serverPort()}`)],
    mostConnections?: number,
  ): Promise<number> {
    const onFailure = (rule: Rule, { side, error }: SpliceFailure): void =>
      void failures.push(`${rule.way}: ${side} ${error.code}`);
    forwarder = new Forwarder({
      network,
      clock,
      timers,
      rules,
      onFailure,
      ...(mostConnections && { mostConnections }),
    });
    await forwarder.start();
    return forwarder.counts()[0]!.listening!.port;
  }

  function dial(port: number): Socket {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    sockets.add(socket);
    return socket;
  }

  async function text(socket: Socket): Promise<string> {
    let said = '';
    for await (const chunk of socket.setEncoding('utf8').iterator({ destroyOnReturn: false })) said += chunk;
    return said;
  }

  const ended = async (): Promise<void> => {
    while (forwarder.counts().some(({ counts }) => counts.open > 0)) await new Promise(setImmediate);
  };

  it('a server that speaks first: dialled -> its greeting, then what the client says', async () => {
    server.on('connection', (socket: Socket) => {
      socket.write('hello');
      void text(socket).then((said) => socket.end(`you said ${said}`));
    });
    const client = dial(await start());
    await once(client, 'readable');
    assert.equal(String(client.read()), 'hello');
    client.end('abc');
    assert.equal(await text(client), 'you said abc');
    await ended();
    assert.deepEqual(
      forwarder
        .counts()
        .map(({ counts: { accepted, bytesIn, bytesOut, failed } }) => [accepted, bytesIn, bytesOut, failed]),
      [
        [1, 17, 3, {}], // as the --out rule sees it: 17 came in from the network
        [1, 3, 17, {}],
      ],
    );
  });

  it('one direction ended: the other goes on -> everything arrives after the end too', async () => {
    server.on('connection', (socket: Socket) => {
      socket.resume().on('end', () => {
        for (let line = 0; line < 1000; line++) socket.write(`line ${line} ${'x'.repeat(1000)}\n`);
        socket.end();
      });
    });
    const client = dial(await start());
    client.end('go');
    const lines = (await text(client)).trimEnd().split('\n');
    assert.equal(lines.length, 1000);
    assert.match(lines[999]!, /^line 999 x{1000}$/);
  });

  it('a reader that does not read: a writer that does not stop -> it stands still, and nothing is lost', async () => {
    const arrived = once(server, 'connection') as Promise<[Socket]>;
    const client = dial(await start());
    const [reader] = await arrived;
    reader.pause();
    const chunk = Buffer.alloc(64 * 1024, 'abcdefghijklmnop');
    let written = 0;
    // Kernel buffers, windows and what the forwarder holds are finite: some write is not completed.
    while (written < 512 * 1024 * 1024) {
      written += chunk.length;
      if (client.write(chunk)) continue;
      const before = reader.bytesRead;
      const drained = once(client, 'drain').then(() => true);
      const stuck = (async () => {
        for (let turns = 0; turns < 2000; turns++) await new Promise(setImmediate);
        return false;
      })();
      assert.equal(reader.bytesRead, before);
      if (!(await Promise.race([drained, stuck]))) break;
    }
    assert.ok(written < 512 * 1024 * 1024, 'the writer was never stopped');
    client.end();
    let read = 0;
    for await (const bytes of reader) {
      const { length } = bytes as Buffer;
      const shift = read % 16;
      assert.equal(
        (bytes as Buffer).compare(chunk, shift, shift + Math.min(length, 60_000), 0, Math.min(length, 60_000)),
        0,
      );
      read += length;
    }
    assert.equal(read, written);
    reader.end();
    client.resume();
    await ended();
  });

  it('a client that resets: connected -> the server sees a reset', async () => {
    const arrived = once(server, 'connection') as Promise<[Socket]>;
    const client = dial(await start());
    const [accepted] = await arrived;
    const failed = once(accepted, 'error') as Promise<[NodeJS.ErrnoException]>;
    accepted.resume();
    client.write('x');
    await once(accepted, 'data');
    client.resetAndDestroy();
    assert.equal((await failed)[0].code, 'ECONNRESET');
    await ended();
    assert.deepEqual(
      forwarder.counts().map(({ counts }) => counts.failed),
      [{ ECONNRESET: 1 }, { ECONNRESET: 1 }],
    );
  });

  it('a server that resets: connected -> the client sees a reset', async () => {
    server.on('connection', (socket: Socket) => socket.once('data', () => socket.resetAndDestroy()));
    const client = dial(await start());
    client.write('x');
    const [error] = (await once(client, 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
    await ended();
    assert.deepEqual(failures, ['in: host ECONNRESET', 'out: virtual ECONNRESET']);
  });

  for (const [state, to, reported] of [
    ['nobody has the name', 'nobody.test.ntm:7', 'out: virtual NTM_NO_SUCH_NAME'],
    ['the node is away', 'absent.test.ntm:7', 'out: virtual NTM_NODE_ABSENT'],
    ['nobody listens there', `${NAME}:8`, 'out: virtual ECONNREFUSED'],
  ] as const) {
    it(`${state}: dialled three times -> three resets, said once, counted`, async () => {
      const port = await start([parseOutRule(`0:${to}`)]);
      for (let times = 0; times < 3; times++) {
        const [error] = (await once(dial(port), 'error')) as [NodeJS.ErrnoException];
        assert.equal(error.code, 'ECONNRESET');
      }
      assert.deepEqual(failures, [reported]);
      assert.deepEqual(Object.values(forwarder.counts()[0]!.counts.failed), [3]);
    });
  }

  it('the server of an --in rule is away: dialled -> reset, and which rule it was is said', async () => {
    const port = await start();
    await once(server.close(), 'close');
    const [error] = (await once(dial(port), 'error')) as [NodeJS.ErrnoException];
    assert.equal(error.code, 'ECONNRESET');
    assert.deepEqual(failures, ['in: host ECONNREFUSED', 'out: virtual ECONNRESET']);
  });

  it('a client that leaves while the tunnel is constructed: constructed -> nothing is left', async () => {
    const port = await start([parseOutRule('0:far.test.ntm:7')]);
    const client = dial(port);
    await once(client, 'connect');
    client.resetAndDestroy();
    await ended();
    assert.equal(forwarder.counts()[0]!.counts.accepted, 1);
  });

  it('as many connections as there may be: one more -> reset and counted; the others go on', async () => {
    server.on('connection', (socket: Socket) => socket.pipe(socket));
    // Each takes two: out and in.
    const port = await start(undefined, 4);
    const echoed = (client: Socket): Promise<unknown> => {
      client.write('x');
      return once(client, 'data').catch((error: unknown) => error);
    };
    const clients = [dial(port), dial(port)];
    for (const client of clients) assert.equal(String(await echoed(client)), 'x');
    const refused = (await echoed(dial(port))) as NodeJS.ErrnoException;
    assert.equal(refused.code, 'ECONNRESET');
    assert.deepEqual(failures, ['out: host TOO_MANY']);
    for (const client of clients) assert.equal(String(await echoed(client)), 'x');
  });

  it('connections open: closed -> both ends are reset', async () => {
    const arrived = once(server, 'connection') as Promise<[Socket]>;
    const client = dial(await start());
    const [accepted] = await arrived;
    accepted.write('x');
    await once(client, 'data');
    const ends = [client, accepted].map((end) => once(end.resume(), 'end').catch((error: unknown) => error));
    forwarder.close();
    for (const end of await Promise.all(ends)) assert.equal((end as NodeJS.ErrnoException).code, 'ECONNRESET');
  });

  it('a port in use: started -> refused, and nothing listens', async () => {
    const rules = [parseInRule('7:127.0.0.1:1'), parseOutRule(`${serverPort()}:${NAME}:7`)];
    await assert.rejects(start(rules), { code: 'EADDRINUSE' });
    assert.equal(network.listenerCount, 0);
  });
});
