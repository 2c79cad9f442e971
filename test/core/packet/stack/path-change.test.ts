/** The path of connections becomes another one: what goes on at once, in virtual time, and what is not sent for nothing. */
import assert from 'node:assert/strict';
import { LEAST_MTU } from '../../../../core/packet/wireguard/constants';
import { aliceAddresses, bobAddresses, Peer, StackPair } from '../../../support/stack-pair';

const WIFI_MS = 2.5;
const LTE_MS = 30;
const INITIAL_SEGMENTS = 10;

/** Alice's path to bob is another one, of which she is told; or bob, of his to her. */
const aliceMoved = (pair: StackPair, change = {}): void => pair.alice.pathChanged(bobAddresses.ipv4, change);
const bobMoved = (pair: StackPair, change = {}): void => pair.bob.pathChanged(aliceAddresses.ipv4, change);

/** Nothing comes through from now on, either way. */
function cut(pair: StackPair): void {
  pair.loss = 1;
}

function mend(pair: StackPair, delayMs: number): void {
  pair.loss = 0;
  pair.delayMs = delayMs;
}

/** How long it takes from now until this is so. */
function took(pair: StackPair, isSo: () => boolean): number {
  const startMs = pair.time.now();
  pair.time.runUntil(isSo, 120_000);
  return pair.time.now() - startMs;
}

function close(pair: StackPair): void {
  pair.alice.close();
  pair.bob.close();
  assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0);
}

describe('virtual stack: another path', () => {
  let pair: StackPair;
  beforeEach(() => (pair = new StackPair({ delayMs: WIFI_MS })));
  afterEach(() => close(pair));

  // What was lost last were ACKs: the first that is sent again has arrived before. When the receiver tells of it in an ACK
  // of its own, that is as fast as it can be; else its answer to what came twice is a trip more.
  for (const [who, awayMs, trips] of [
    ['the sender', 50, 3],
    ['the sender', 30_000, 3],
    ['the receiver', 50, 2],
    ['the receiver', 30_000, 2],
  ] as const) {
    it(`sending: ${who} is away for ${awayMs} ms, and is back on a longer path -> ${trips} trips later it goes on`, () => {
      const { client, server } = pair.connect();
      const bytes = pair.random.bytes(5_000_000);
      client.send(bytes, { shutdown: true });
      pair.time.advance(40);
      cut(pair);
      pair.time.advance(awayMs);
      mend(pair, LTE_MS);
      const before = { at: server.receivedLength, ...pair.alice.statistics() };
      if (who === 'the receiver') bobMoved(pair);
      aliceMoved(pair); // or her tunnel has seen that bob did
      assert.equal(
        took(pair, () => server.receivedLength > before.at),
        trips * LTE_MS,
      );
      pair.time.runUntil(() => server.seen('ended'), 120_000);
      assert.deepEqual(server.bytes, Buffer.from(bytes));
      assert.equal(pair.alice.statistics().timeouts, before.timeouts);
    });
  }

  it('sending: the round trip grows from 5 to 60 ms -> what was lost is sent again once, and nothing for nothing', () => {
    const { client, server } = pair.connect();
    client.send(pair.random.bytes(3_000_000), { shutdown: true });
    pair.time.advance(40 - 2 * WIFI_MS);
    pair.toBob = [];
    pair.time.advance(2 * WIFI_MS);
    cut(pair);
    pair.time.advance(5);
    mend(pair, LTE_MS);
    const before = pair.alice.statistics();
    const inFlight = pair.toBob.length;
    pair.toBob = undefined;
    aliceMoved(pair);
    pair.time.runUntil(() => server.seen('ended'), 120_000);
    const after = pair.alice.statistics();
    assert.ok(after.retransmitted - before.retransmitted <= inFlight);
    assert.deepEqual([after.needless, after.timeouts], [before.needless, before.timeouts]);
  });

  it('sending: what is sent again first is an initial window, however much was in flight', () => {
    const { client } = pair.connect();
    client.send(pair.random.bytes(5_000_000));
    pair.time.advance(40);
    cut(pair);
    pair.time.advance(20);
    mend(pair, LTE_MS);
    pair.toBob = [];
    aliceMoved(pair);
    assert.equal(pair.toBob.length, INITIAL_SEGMENTS);
  });

  it('sending: much is lost, and the round trip of the new path is known -> as fast as if it were not', () => {
    const megabyteTookMs = [undefined, 2 * LTE_MS].map((rttMs) => {
      const other = new StackPair({ delayMs: WIFI_MS });
      const { client, server } = other.connect();
      client.send(other.random.bytes(5_000_000));
      other.time.advance(40);
      cut(other);
      other.time.advance(20);
      mend(other, LTE_MS);
      const before = server.receivedLength;
      aliceMoved(other, { rttMs });
      const tookMs = took(other, () => server.receivedLength >= before + 1_000_000);
      close(other);
      return tookMs;
    });
    assert.equal(megabyteTookMs[1], megabyteTookMs[0]);
  });

  it('sending: what the old path delivered is acknowledged by the new one -> says nothing about the new one', () => {
    const { client, server } = pair.connect();
    client.send(pair.random.bytes(20_000_000));
    pair.time.advance(60);
    pair.loseToAlice = () => true;
    pair.time.advance(40);
    assert.ok(server.receivedLength > 5_000_000);
    cut(pair);
    pair.time.advance(300);
    mend(pair, LTE_MS);
    pair.loseToAlice = () => false;
    pair.toBob = [];
    bobMoved(pair);
    aliceMoved(pair);
    for (const round of [1, 2]) {
      pair.time.advance(LTE_MS * 2 - 1);
      const least = INITIAL_SEGMENTS * 2 ** (round - 1);
      assert.ok(pair.toBob.length >= least && pair.toBob.length <= 4 * least, `${pair.toBob.length} in round ${round}`);
      pair.toBob = [];
    }
  });

  it('sent: only the ACKs are lost, and who sent them moves -> tells again; nothing is sent again', () => {
    const { client } = pair.connect();
    pair.time.advance(100);
    pair.loseToAlice = () => true;
    client.send(pair.random.bytes(5_000));
    pair.time.advance(WIFI_MS + 1);
    pair.loseToAlice = () => false;
    bobMoved(pair);
    pair.time.advance(10_000);
    assert.equal(pair.alice.statistics().retransmitted, 0);
  });

  it('nothing is under way: the path is another one -> one packet for each connection, and none back', () => {
    pair.connect();
    pair.connect();
    pair.time.advance(1_000);
    [pair.toBob, pair.toAlice] = [[], []];
    aliceMoved(pair);
    pair.time.advance(10_000);
    assert.deepEqual([pair.toBob.length, pair.toAlice.length], [2, 0]);
    assert.equal(pair.time.pendingCount, 0);
  });

  it('the path is doubted: what leaves takes another one, too -> what was lost is sent again at once, and no more', () => {
    const { client, server } = pair.connect();
    client.send(pair.random.bytes(4_000));
    pair.time.advance(1_000);
    cut(pair);
    const bytes = pair.random.bytes(2_600); // two segments, and four of the other path
    client.send(bytes);
    pair.time.advance(150); // its own probe is lost, too
    mend(pair, LTE_MS);
    const before = pair.alice.statistics();
    pair.alice.pathDoubted(bobAddresses.ipv4, LEAST_MTU);
    const tookMs = took(pair, () => server.receivedLength === 6_600);
    assert.equal(tookMs, LTE_MS);
    const after = pair.alice.statistics();
    assert.deepEqual([after.timeouts, after.needless], [before.timeouts, before.needless]);
    assert.deepEqual(server.bytes.subarray(4_000), Buffer.from(bytes));
  });

  it('sending: the path is doubted, and was only slow -> a few are sent twice, and it goes on as fast as without', () => {
    const [without, doubted] = [false, true].map((isDoubted) => {
      const other = new StackPair({ delayMs: LTE_MS });
      const { client, server } = other.connect();
      client.send(other.random.bytes(30_000_000), { shutdown: true });
      other.time.advance(1_000);
      if (isDoubted) other.alice.pathDoubted(bobAddresses.ipv4, LEAST_MTU);
      other.time.advance(100);
      other.setPathMtu(1_380);
      other.time.runUntil(() => server.seen('ended'), 120_000);
      const { retransmitted } = other.alice.statistics();
      const atMs = other.time.now();
      close(other);
      return { atMs, retransmitted };
    });
    assert.equal(without!.retransmitted, 0);
    assert.ok(doubted!.retransmitted <= 8, `${doubted!.retransmitted} sent again`);
    assert.ok(doubted!.atMs <= 1.05 * without!.atMs, `${doubted!.atMs} ms instead of ${without!.atMs}`);
  });

  it('the path is doubted, and nothing is under way -> an ACK for each connection that something came by lately', () => {
    pair.connect();
    pair.time.advance(5_000);
    const { client, server } = pair.connect();
    server.send(pair.random.bytes(1_000));
    pair.time.advance(500);
    assert.equal(client.receivedLength, 1_000);
    [pair.toBob, pair.toAlice] = [[], []];
    pair.alice.pathDoubted(bobAddresses.ipv4, LEAST_MTU);
    pair.time.advance(10_000);
    assert.deepEqual([pair.toBob.length, pair.toAlice.length], [1, 0]);
  });

  for (const who of ['sender', 'receiver'] as const) {
    it(`window closed: it opens while nothing comes through, and the ${who} moves -> goes on at once`, () => {
      const { client, server } = pair.connect();
      const bytes = pair.random.bytes(2_000_000);
      server.consuming = false;
      client.send(bytes, { shutdown: true });
      pair.time.advance(5_000);
      const full = server.receivedLength;
      cut(pair);
      server.consuming = true;
      server.connection.consumed(full);
      pair.time.advance(120_000);
      mend(pair, LTE_MS);
      const isBob = who === 'receiver';
      if (isBob) bobMoved(pair);
      else aliceMoved(pair);
      // The receiver says that it is open, and bytes come; the sender has to ask first.
      const trips = isBob ? 2 : 3;
      assert.equal(
        took(pair, () => server.receivedLength > full),
        trips * LTE_MS,
      );
      pair.time.runUntil(() => server.seen('ended'), 120_000);
      assert.deepEqual(server.bytes, Buffer.from(bytes));
    });
  }

  it('sending by a long path: a shorter one is better, and the long one still delivers -> nothing is sent again', () => {
    pair.delayMs = LTE_MS;
    const { client, server } = pair.connect();
    const bytes = pair.random.bytes(4_000_000);
    client.send(bytes, { shutdown: true });
    pair.time.advance(400);
    pair.delayMs = WIFI_MS;
    aliceMoved(pair, { oldDelivers: true });
    bobMoved(pair, { oldDelivers: true });
    pair.time.runUntil(() => server.seen('ended'), 120_000);
    assert.deepEqual(server.bytes, Buffer.from(bytes));
    assert.equal(pair.alice.statistics().retransmitted, 0);
  });

  it('said that the old path delivers, and it does not -> found out all the same', () => {
    const { client, server } = pair.connect();
    const bytes = pair.random.bytes(3_000_000);
    client.send(bytes, { shutdown: true });
    pair.time.advance(40);
    cut(pair);
    pair.time.advance(5);
    mend(pair, LTE_MS);
    aliceMoved(pair, { oldDelivers: true });
    const tookMs = took(pair, () => server.seen('ended'));
    assert.ok(tookMs < 3_000, `${tookMs} ms`);
    assert.deepEqual(server.bytes, Buffer.from(bytes));
  });

  for (const rttMs of [2 * LTE_MS, undefined]) {
    const known = rttMs === undefined ? 'nothing is known of it' : 'its round trip is known';
    it(`the first packets on the new path are lost, ${known} -> a probe finds out, not a second of waiting`, () => {
      const { client, server } = pair.connect();
      client.send(pair.random.bytes(1_000));
      pair.time.advance(100);
      cut(pair);
      client.send(pair.random.bytes(1_000));
      pair.time.advance(5_000);
      pair.delayMs = LTE_MS;
      aliceMoved(pair, { rttMs });
      pair.loss = 0;
      const tookMs = took(pair, () => server.receivedLength > 1_000);
      assert.ok(tookMs < 250, `${tookMs} ms`);
    });
  }

  it('sending: the new path carries less, and the stack is told first -> in packets that fit, an initial window at once', () => {
    const { client, server } = pair.connect();
    const bytes = pair.random.bytes(3_000_000);
    client.send(bytes, { shutdown: true });
    pair.time.advance(30);
    cut(pair);
    pair.time.advance(20);
    mend(pair, LTE_MS);
    pair.largest = 1_200;
    pair.toBob = [];
    pair.setPathMtu(1_200);
    assert.ok(pair.toBob.length <= 2 * INITIAL_SEGMENTS, `${pair.toBob.length} packets at once`);
    aliceMoved(pair);
    assert.ok(pair.toBob.every(({ length }) => length <= 1_200));
    const tookMs = took(pair, () => server.seen('ended'));
    assert.ok(tookMs < 2_000, `${tookMs} ms`);
    assert.deepEqual(server.bytes, Buffer.from(bytes));
  });

  it('sending: a hundred changes while nothing comes through -> an initial window each, and then it goes on', () => {
    const { client, server } = pair.connect();
    const bytes = pair.random.bytes(1_000_000);
    client.send(bytes, { shutdown: true });
    pair.time.advance(30);
    cut(pair);
    pair.time.advance(10);
    pair.toBob = [];
    for (let i = 0; i < 100; i++) {
      aliceMoved(pair);
      bobMoved(pair);
      pair.time.advance(20);
    }
    assert.ok(pair.toBob.length <= 100 * INITIAL_SEGMENTS, `${pair.toBob.length} packets`);
    mend(pair, LTE_MS);
    aliceMoved(pair);
    pair.time.runUntil(() => server.seen('ended'), 120_000);
    assert.deepEqual(server.bytes, Buffer.from(bytes));
  });

  it('connecting: the SYN was lost with the old path -> another goes at once', () => {
    const listener = pair.bob.listenTcp({ address: '::', port: 0, backlog: 1 }, () => {});
    const client = new Peer();
    cut(pair);
    client.attach(pair.alice.connectTcp({ remote: { address: bobAddresses.ipv4, port: listener.local.port } }, client));
    pair.time.advance(10_010);
    mend(pair, LTE_MS);
    aliceMoved(pair);
    assert.equal(
      took(pair, () => client.seen('connected')),
      2 * LTE_MS,
    );
  });

  it('keep-alive: probes were lost, not all of them -> the other end is asked at once, and it is alive', () => {
    const { client } = pair.connect();
    client.connection.setKeepAlive(true, 1_000);
    pair.time.advance(500);
    cut(pair);
    pair.time.advance(6_000);
    mend(pair, LTE_MS);
    aliceMoved(pair);
    pair.time.advance(30_000);
    assert.deepEqual(client.events, ['connected']);
  });
});
