/** Datagrams from a host's port through a virtual network to a host's port: an --out rule leads to an --in rule. */
import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { IDLE_MS } from '../../../cli/forwarding/datagrams';
import { Forwarder } from '../../../cli/forwarding/forwarder';
import { parseInRule, parseOutRule, type Rule } from '../../../cli/forwarding/rules';
import type { SpliceFailure } from '../../../core/splice';
import { MemoryNetwork } from '../../support/memory-network';
import { VirtualTime } from '../../support/virtual-time';

const NAME = 'b.test.ntm';

describe('forwarding of datagrams', () => {
  const sockets = new Set<Socket>();
  let network: MemoryNetwork;
  let time: VirtualTime;
  let forwarder: Forwarder;
  let failures: string[];
  let server: Socket;

  beforeEach(async () => {
    network = new MemoryNetwork();
    time = new VirtualTime();
    failures = [];
    server = await socketOn('127.0.0.1');
    server.on('message', (bytes, { port, address }) => server.send(`${port}: ${String(bytes)}`, port, address));
  });

  afterEach(() => {
    forwarder.close();
    for (const socket of sockets) socket.close();
    sockets.clear();
    assert.equal(network.udp.socketCount, 0, 'no virtual socket is left');
    assert.equal(time.pendingCount, 0, 'no timer is left');
    assert.deepEqual(
      forwarder.counts().map(({ counts }) => counts.open),
      forwarder.counts().map(() => 0),
    );
  });

  async function socketOn(address: string): Promise<Socket> {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4').bind(0, address);
    sockets.add(socket);
    await once(socket, 'listening');
    return socket;
  }

  const both = (): Rule[] => [parseOutRule(`0:${NAME}:7/udp`), parseInRule(`7:127.0.0.1:${server.address().port}/udp`)];

  async function start(rules: readonly Rule[] = both(), mostFlows?: number): Promise<number> {
    const onFailure = (rule: Rule, { side, error }: SpliceFailure): void =>
      void failures.push(`${rule.way}: ${side} ${error.code}`);
    const limit = mostFlows && { mostFlows };
    forwarder = new Forwarder({ network, clock: time, timers: time, rules, onFailure, ...limit });
    await forwarder.start();
    return forwarder.counts()[0]!.listening!.port;
  }

  const counts = (): object[] => forwarder.counts().map(({ counts }) => counts);
  const failed = async (): Promise<void> => {
    while (failures.length === 0) await new Promise(setImmediate);
  };

  async function ask(client: Socket, port: number, text: string): Promise<string> {
    client.send(text, port, client.address().family === 'IPv6' ? '::1' : '127.0.0.1');
    const [answer] = (await once(client, 'message')) as [Buffer, RemoteInfo];
    return String(answer);
  }

  it('two senders: each asks twice -> its own answers, from one port each', async () => {
    const port = await start();
    const clients = [await socketOn('127.0.0.1'), await socketOn('127.0.0.1')];
    const seen = new Set<string>();
    for (const text of ['one', 'two']) {
      for (const client of clients) {
        const [from, said] = (await ask(client, port, text)).split(': ');
        assert.equal(said, text);
        seen.add(from!);
      }
    }
    assert.equal(seen.size, 2);
    const [out, into] = forwarder.counts().map(({ counts }) => counts);
    assert.deepEqual([out!.accepted, into!.accepted, out!.open, into!.open], [2, 2, 2, 2]);
    assert.deepEqual([out!.bytesOut, into!.bytesIn], [12, 12]);
    assert.equal(out!.bytesIn, into!.bytesOut);
    assert.deepEqual(failures, []);
  });

  it('IPv6 at both ends: asked -> answered', async () => {
    const inside = await socketOn('::1');
    inside.on('message', (bytes, { port }) => inside.send(bytes, port, '::1'));
    const rules = [parseOutRule(`[::1]:0:${NAME}:7/udp`), parseInRule(`7:[::1]:${inside.address().port}/udp`)];
    assert.equal(await ask(await socketOn('::1'), await start(rules), 'six'), 'six');
  });

  it('a node that is reached late: 100 datagrams meanwhile -> the first 64, in order, the others counted', async () => {
    let reached!: () => void;
    const way = new Promise<void>((resolve) => (reached = resolve));
    let isReached = false;
    network.reach = () => (isReached ? undefined : way);
    const port = await start([parseOutRule(`0:${NAME}:7/udp`)]);
    const arrived: string[] = [];
    const inside = network.openUdp(
      { address: '::', port: 7 },
      { received: (bytes) => void arrived.push(Buffer.from(bytes).toString()), failed: () => {} },
    );
    const client = await socketOn('127.0.0.1');
    const { counts } = forwarder.counts()[0]!;
    for (let i = 0; i < 100; i++) {
      client.send(String(i), port, '127.0.0.1');
      while (counts.bytesOut < (i < 10 ? i + 1 : 2 * i - 8)) await new Promise(setImmediate); // the kernel drops none
    }
    isReached = true;
    reached();
    while (arrived.length < 64) await new Promise(setImmediate);
    assert.deepEqual(
      arrived,
      Array.from({ length: 64 }, (_, i) => String(i)),
    );
    assert.deepEqual(counts.failed, { ENOBUFS: 36 });
    assert.deepEqual(failures, ['out: virtual ENOBUFS']);
    inside.close();
  });

  it('nothing for five minutes: one sender silent, one not -> the silent one ends, and begins anew', async () => {
    const port = await start([parseOutRule(`0:${NAME}:7/udp`)]);
    const inside = network.openUdp(
      { address: '::', port: 7 },
      {
        received: (bytes, from) => void inside.send(Buffer.from(`${from.port}: ${Buffer.from(bytes)}`), from),
        failed: () => {},
      },
    );
    const [silent, lively] = [await socketOn('127.0.0.1'), await socketOn('127.0.0.1')];
    const before = await ask(lively, port, 'x'); // the older one
    const first = await ask(silent, port, 'x');
    time.advance(IDLE_MS - 1);
    assert.equal(await ask(lively, port, 'x'), before);
    time.advance(1);
    assert.deepEqual([forwarder.counts()[0]!.counts.open], [1]);
    assert.equal(await ask(lively, port, 'x'), before);
    assert.notEqual(await ask(silent, port, 'x'), first);
    assert.deepEqual([forwarder.counts()[0]!.counts.accepted], [3]);
    inside.close();
  });

  it('as many senders as there may be: one more -> it is served, and the longest unused ended', async () => {
    const port = await start(both(), 2);
    const clients = [await socketOn('127.0.0.1'), await socketOn('127.0.0.1'), await socketOn('127.0.0.1')];
    for (const client of clients) await ask(client, port, 'x');
    assert.deepEqual(
      forwarder.counts().map(({ counts: { open, accepted } }) => [open, accepted]),
      [
        [2, 3],
        [2, 3],
      ],
    );
    assert.deepEqual(failures, ['out: host TOO_MANY', 'in: host TOO_MANY']);
  });

  for (const [state, to, reported] of [
    ['nobody has the name', 'nobody.test.ntm:7', 'out: virtual NTM_NO_SUCH_NAME'],
    ['the node is away', 'absent.test.ntm:7', 'out: virtual NTM_NODE_ABSENT'],
    ['nobody listens there', `${NAME}:8`, 'out: virtual ECONNREFUSED'],
  ] as const) {
    it(`${state}: sent to -> said, and counted`, async () => {
      const port = await start([parseOutRule(`0:${to}/udp`)]);
      (await socketOn('127.0.0.1')).send('x', port, '127.0.0.1');
      await failed();
      assert.deepEqual(failures, [reported]);
    });
  }

  it('the server of an --in rule is away: sent to -> said; it comes back: asked -> it answers', async () => {
    const port = await start();
    const { port: serverPort } = server.address();
    server.close();
    sockets.delete(server);
    const client = await socketOn('127.0.0.1');
    client.send('x', port, '127.0.0.1');
    await failed();
    assert.deepEqual(failures, ['in: host ECONNREFUSED']);
    const again = createSocket('udp4').bind(serverPort, '127.0.0.1');
    sockets.add(again);
    await once(again, 'listening');
    again.on('message', (bytes, from) => again.send(bytes, from.port, from.address));
    assert.equal(await ask(client, port, 'back?'), 'back?');
  });

  it('a port in use: started -> refused, and nothing listens', async () => {
    const rules = [parseInRule('7:127.0.0.1:1/udp'), parseOutRule(`${server.address().port}:${NAME}:7/udp`)];
    await assert.rejects(start(rules), { code: 'EADDRINUSE' });
    assert.deepEqual(
      counts().map((each) => (each as { open: number }).open),
      [0, 0],
    );
  });
});
