/** Ports used again and again: TIME-WAIT (RFC 9293 section 3.6.1), ephemeral ports, and both ends dialling at once. */
import assert from 'node:assert/strict';
import { Stack } from '../../../../core/packet/stack/stack';
import { aliceAddresses, bobAddresses, Peer, StackPair } from '../../../support/stack-pair';

const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;
const FIN = 0x01;
const MINUTE = 60_000;

const flagsOf = (packet: Uint8Array): number => packet[packet[0]! >> 4 === 6 ? 53 : 33]!;

describe('virtual stack: ports used again', () => {
  let pair: StackPair;
  beforeEach(() => (pair = new StackPair()));
  afterEach(() => {
    pair.alice.close();
    pair.bob.close();
    assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0);
  });

  for (const family of ['ipv4', 'ipv6'] as const) {
    /** One connection from alice's port 5000 to bob's 80, closed by `closer` first. */
    const converse = (closer: 'client' | 'server', bytes = 1): Peer => {
      const client = new Peer();
      const listener = pair.bob.listenTcp({ address: '::', port: 80, backlog: 8 }, (connection) => {
        const server = new Peer().attach(connection);
        server.onEnded = () => connection.shutdown();
        server.onReceived = () => server.receivedLength === bytes && closer === 'server' && connection.shutdown();
      });
      client.onEnded = () => client.connection.shutdown();
      const remote = { address: bobAddresses[family], port: 80 };
      client.attach(pair.alice.connectTcp({ remote, local: { port: 5000 } }, client));
      pair.time.runUntil(() => client.events.length > 0, 5_000);
      client.send(new Uint8Array(bytes), { shutdown: closer === 'client' });
      pair.time.advance(1_000);
      listener.close();
      return client;
    };

    for (const closer of ['client', 'server'] as const) {
      it(`${family}, TIME-WAIT at the ${closer}: the same ports again at once -> connected`, () => {
        for (let i = 0; i < 3; i++) assert.deepEqual(converse(closer).events, ['connected', 'ended', 'closed']);
      });
    }

    it(`${family}, TIME-WAIT: FIN comes again -> acknowledged; RST -> it stays; gone after a minute`, () => {
      pair.toBob = [];
      pair.toAlice = [];
      converse('server');
      const fin = pair.toBob.find((packet) => flagsOf(packet) & FIN)!;
      const again = (flags = flagsOf(fin)): number | undefined => {
        const packet = fin.slice();
        packet[family === 'ipv6' ? 53 : 33] = flags;
        pair.toAlice = [];
        pair.bob.input(packet);
        pair.time.advance(100);
        assert.ok(pair.toAlice.length <= 1);
        return pair.toAlice[0] && flagsOf(pair.toAlice[0]);
      };
      assert.equal(again(), ACK);
      assert.equal(again(RST), undefined);
      assert.equal(again(), ACK);
      pair.time.advance(MINUTE - 500);
      assert.equal(again(), ACK, 'a minute since the last FIN');
      pair.time.advance(MINUTE + 500);
      assert.notEqual(again(), ACK);
    });

    it(`${family}, TIME-WAIT: a SYN from before -> acknowledged, and not a new connection`, () => {
      pair.toBob = [];
      converse('server');
      const syn = pair.toBob.find((packet) => flagsOf(packet) === SYN)!;
      let accepted = 0;
      pair.bob.listenTcp({ address: '::', port: 80, backlog: 8 }, (connection) => {
        accepted++;
        new Peer().attach(connection);
      });
      pair.toAlice = [];
      pair.bob.input(syn);
      pair.time.advance(1_000);
      assert.deepEqual(pair.toAlice.map(flagsOf), [ACK]);
      assert.equal(accepted, 0);
    });

    it(`${family}: both dial each other from the ports that they dial -> one connection (simultaneous open)`, () => {
      const [alice, bob] = [new Peer(), new Peer()];
      const dial = (stack: typeof pair.alice, own: number, address: string, port: number, peer: Peer): void => {
        peer.attach(stack.connectTcp({ remote: { address, port }, local: { port: own } }, peer));
      };
      dial(pair.alice, 5000, bobAddresses[family], 6000, alice);
      dial(pair.bob, 6000, aliceAddresses[family], 5000, bob);
      pair.time.advance(100);
      assert.deepEqual([alice.events, bob.events], [['connected'], ['connected']]);
      alice.send(Buffer.from('from alice'), { shutdown: true });
      bob.send(Buffer.alloc(100_000, 'b'), { shutdown: true });
      pair.time.advance(2_000);
      assert.equal(bob.bytes.toString(), 'from alice');
      assert.equal(alice.receivedLength, 100_000);
      assert.ok(alice.seen('closed') && bob.seen('closed'));
    });
  }

  it('more connections in half a minute than there are ports -> each is answered, and what they left is bounded', function () {
    this.timeout(60_000);
    const count = 40_000;
    pair.bob.listenTcp({ address: '::', port: 80, backlog: 255 }, (connection) => {
      const server = new Peer().attach(connection);
      connection.shutdown();
      server.onEnded = () => {};
    });
    let closed = 0;
    for (let i = 0; i < count; i++) {
      const client = new Peer();
      client.onEnded = () => client.connection.shutdown();
      client.closed = () => void closed++;
      client.attach(pair.alice.connectTcp({ remote: { address: bobAddresses.ipv4, port: 80 } }, client));
      if (i % 50 === 49) pair.time.advance(30);
    }
    pair.time.advance(1_000);
    assert.equal(closed, count);
    assert.equal(pair.bob.liveAllocations, 3, 'the listener, and two arrays of what waits');
    pair.time.runUntilIdle(2 * MINUTE);
    assert.equal(pair.bob.liveAllocations, 1);
  });

  it('every ephemeral port in use -> EADDRNOTAVAIL for the next, and one is free when one is closed', function () {
    this.timeout(60_000);
    const ports = 32_767;
    const remote = { address: bobAddresses.ipv4, port: 80 };
    pair.lose = () => true;
    const all = Array.from({ length: ports }, () => pair.alice.connectTcp({ remote }, new Peer()));
    assert.equal(new Set(all.map(({ local }) => local.port)).size, ports);
    assert.throws(() => pair.alice.connectTcp({ remote }, new Peer()), { code: 'EADDRNOTAVAIL' });
    all[77]!.abort();
    assert.equal(pair.alice.connectTcp({ remote }, new Peer()).local.port, all[77]!.local.port);
  });

  it('ephemeral ports: the first is drawn at their very end -> the next ones follow from their beginning', () => {
    const allOnes = { bytes: (length: number) => new Uint8Array(length).fill(0xff) };
    const { time } = pair;
    const stack = new Stack({ clock: time, timers: time, random: allOnes, output() {} });
    stack.configure(aliceAddresses, 1_380);
    const remote = { address: bobAddresses.ipv4, port: 80 };
    const ports = [1, 2, 3].map(() => stack.connectTcp({ remote }, new Peer()).local.port);
    assert.deepEqual(ports, [0x8000, 0x8001, 0x8002]);
    stack.close();
  });
});
