/** How fast a transfer goes on, in virtual time, where plain lwIP would wait for its retransmission timer. */
import assert from 'node:assert/strict';
import { bobAddresses, StackPair } from '../../../support/stack-pair';

const SIZE = 2_000_000;
const HEADERS = 40;
const FIN = 1;

function transferMs(pair: StackPair, size = SIZE): number {
  const { client, server } = pair.connect();
  const startMs = pair.time.now();
  server.keeping = false;
  client.send(pair.random.bytes(size), { shutdown: true });
  pair.time.runUntil(() => server.seen('ended'), 120_000);
  assert.equal(server.receivedLength, size);
  return pair.time.now() - startMs;
}

function close(pair: StackPair): void {
  pair.alice.close();
  pair.bob.close();
  assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0);
}

describe('virtual stack: congestion', () => {
  it('established: several segments of one window are lost -> each is sent again once, without a timeout', () => {
    const clean = new StackPair({ delayMs: 5 });
    const cleanMs = transferMs(clean);
    const cleanSent = clean.alice.counters.sent;
    close(clean);

    const lossy = new StackPair({ delayMs: 5 });
    let data = 0;
    lossy.lose = (packet) => packet.length > HEADERS && ++data > 100 && data <= 150 && data % 5 === 0;
    const lossyMs = transferMs(lossy);
    const sent = lossy.alice.counters.sent;
    close(lossy);
    assert.ok(lossyMs < cleanMs + 200, `${lossyMs} ms with 10 losses, ${cleanMs} ms without`);
    assert.ok(sent <= cleanSent + 10, `${sent} packets, ${cleanSent} without losses: some were sent again for nothing`);
  });

  it('established: the last segments are lost -> a probe finds out, not a timeout', () => {
    const pair = new StackPair({ delayMs: 5 });
    const { client, server } = pair.connect();
    client.send(pair.random.bytes(100_000));
    pair.time.advance(1_000);
    let lost = 0;
    pair.lose = (packet) => packet.length > HEADERS && ++lost > 3 && lost <= 5;
    client.send(pair.random.bytes(5 * 1340));
    const startMs = pair.time.now();
    pair.time.runUntil(() => server.receivedLength === 100_000 + 5 * 1340, 10_000);
    const tookMs = pair.time.now() - startMs;
    assert.ok(tookMs < 60, `${tookMs} ms at a round trip of 10 ms`);
    close(pair);
  });

  it('established: nothing comes through for a minute -> the transfer goes on where it was, soon after', () => {
    const pair = new StackPair({ delayMs: 5 });
    const { client, server } = pair.connect();
    const bytes = pair.random.bytes(SIZE);
    client.send(bytes, { shutdown: true });
    pair.time.advance(50);
    pair.loss = 1;
    pair.time.advance(60_000);
    pair.loss = 0;
    pair.alice.pathChanged(bobAddresses.ipv4);
    const backMs = pair.time.now();
    pair.time.runUntil(() => server.seen('ended'), 120_000);
    assert.ok(pair.time.now() - backMs < 250, `${pair.time.now() - backMs} ms after the path was back`);
    assert.deepEqual(server.bytes, Buffer.from(bytes));
    close(pair);
  });

  it('a deep queue overflows, and is shorter after that -> what is sent again sooner than of late was lost all the same', () => {
    const pair = new StackPair({ delayMs: 15, queue: { packets: 400, perMs: 1 } });
    transferMs(pair, 40_000_000);
    const { retransmitted, needless } = pair.alice.statistics();
    assert.ok(retransmitted > 0);
    assert.equal(needless, 0);
    close(pair);
  });

  it('established, no loss: one packet of a hundred is overtaken -> hardly any throughput is lost', () => {
    const straight = new StackPair({ delayMs: 10 });
    const straightMs = transferMs(straight, 20_000_000);
    close(straight);
    const jumbled = new StackPair({ delayMs: 10 });
    jumbled.jitter = { probability: 0.01, upToMs: 5 };
    const jumbledMs = transferMs(jumbled, 20_000_000);
    close(jumbled);
    assert.ok(jumbledMs < straightMs * 1.1, `${jumbledMs} ms with reordering, ${straightMs} ms without`);
  });

  for (const [packets, path] of [
    [90, "a UDP socket's receive buffer of Linux's default size"],
    [2_000, 'far too large a buffer'],
  ] as const) {
    it(`established on a short path: more is written than ${path} holds -> the link stays full`, () => {
      const pair = new StackPair({ delayMs: 0.1, queue: { packets, perMs: 40 } });
      const tookMs = transferMs(pair, 20_000_000);
      const leastMs = 20_000_000 / 1340 / 40;
      assert.ok(tookMs < leastMs * 1.1, `${tookMs} ms, ${leastMs} ms at the rate of the link`);
      assert.ok(pair.overflows < 700, `${pair.overflows} packets overflowed of 14,926`);
      close(pair);
    });
  }

  it('round trips become shorter than any before: half is lost, with its end -> sent again once, not one a timeout', () => {
    const pair = new StackPair({ delayMs: 100 });
    const { client, server } = pair.connect();
    let [sent, losing, lostMs] = [0, true, 0];
    pair.lose = (packet) => {
      if (packet.length > HEADERS) sent++;
      const isLost = losing && sent > 100;
      if (isLost && packet[33]! & FIN) {
        losing = false;
        pair.delayMs = 1;
        lostMs = pair.time.now();
      }
      return isLost;
    };
    client.send(pair.random.bytes(200_000), { shutdown: true });
    pair.time.runUntil(() => server.seen('ended'), 120_000);
    const tookMs = pair.time.now() - lostMs;
    assert.ok(tookMs < 4_000, `${tookMs} ms`);
    assert.equal(sent, 150 + 50);
    close(pair);
  });

  it('several flows through one bottleneck -> share it evenly', () => {
    const pair = new StackPair({ delayMs: 10, queue: { packets: 200, perMs: 5 } });
    const receivers = Array.from({ length: 4 }, () => {
      const { client, server } = pair.connect();
      server.keeping = false;
      client.send(new Uint8Array(200_000_000));
      return server;
    });
    pair.time.advance(30_000);
    const rates = receivers.map(({ receivedLength }) => receivedLength);
    const sum = rates.reduce((a, b) => a + b);
    const jain = sum ** 2 / (rates.length * rates.reduce((total, rate) => total + rate ** 2, 0));
    assert.ok(jain > 0.9, `Jain's index ${jain} of ${rates.join(', ')}`);
    assert.ok(sum > 30_000 * 5 * 1340 * 0.95, `${sum} bytes through a link of ${30_000 * 5 * 1340}`);
    close(pair);
  });

  it('established on a long path: much is written -> the window opens to megabytes', () => {
    const pair = new StackPair({ delayMs: 50 });
    const { client, server } = pair.connect();
    client.send(pair.random.bytes(20_000_000), { shutdown: true });
    pair.time.runUntil(() => server.seen('ended'), 120_000);
    assert.ok(pair.time.now() < 2_500, `${pair.time.now()} ms for 20 MB at a round trip of 100 ms`);
    close(pair);
  });

  it('established on a short path that becomes long: the transfer goes on -> the window follows', () => {
    const pair = new StackPair({ delayMs: 0.1 });
    const { client, server } = pair.connect();
    client.send(pair.random.bytes(20_000_000), { shutdown: true });
    pair.time.runUntil(() => server.bytes.length > 1_000_000, 10_000);
    pair.delayMs = 50;
    const movedMs = pair.time.now();
    pair.time.runUntil(() => server.seen('ended'), 120_000);
    const tookMs = pair.time.now() - movedMs;
    assert.ok(tookMs < 8_000, `${tookMs} ms for 19 MB at a round trip of 100 ms`);
    close(pair);
  });
});
