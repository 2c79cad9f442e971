/** How fast a transfer goes on, in virtual time, where plain lwIP would wait for its retransmission timer. */
import assert from 'node:assert/strict';
import { StackPair } from '../../../support/stack-pair';

const SIZE = 2_000_000;
const HEADERS = 40;

function transferMs(pair: StackPair): number {
  const { client, server } = pair.connect();
  const startMs = pair.time.now();
  client.send(pair.random.bytes(SIZE), { shutdown: true });
  pair.time.runUntil(() => server.seen('ended'), 120_000);
  assert.equal(server.bytes.length, SIZE);
  return pair.time.now() - startMs;
}

function close(pair: StackPair): void {
  pair.alice.close();
  pair.bob.close();
  assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0);
}

describe('virtual stack: congestion', () => {
  it('established: several segments of one window are lost -> each costs a round trip, none a timeout', () => {
    const clean = new StackPair({ delayMs: 5 });
    const cleanMs = transferMs(clean);
    close(clean);

    const lossy = new StackPair({ delayMs: 5 });
    let data = 0;
    lossy.lose = (packet) => packet.length > HEADERS && ++data > 100 && data <= 150 && data % 5 === 0;
    const lossyMs = transferMs(lossy);
    close(lossy);
    const lost = 10;
    const roundTripMs = 10;
    assert.ok(lossyMs < cleanMs + 3 * lost * roundTripMs, `${lossyMs} ms with ${lost} losses, ${cleanMs} ms without`);
  });

  it('established on a short path: more is written than the path holds -> its queue does not overflow', () => {
    const queue = { packets: 180, perMs: 40 }; // a UDP socket's receive buffer of Linux's default size
    const pair = new StackPair({ delayMs: 0.1, queue });
    transferMs(pair);
    assert.equal(pair.overflows, 0);
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
    let delayMs = 0.1;
    const pair = new StackPair({ delayMs: 0 });
    const { schedule } = pair.time;
    pair.time.schedule = (ms, fire) => schedule.call(pair.time, ms === 0 ? delayMs : ms, fire);
    const { client, server } = pair.connect();
    client.send(pair.random.bytes(20_000_000), { shutdown: true });
    pair.time.runUntil(() => server.bytes.length > 1_000_000, 10_000);
    delayMs = 50;
    const movedMs = pair.time.now();
    pair.time.runUntil(() => server.seen('ended'), 120_000);
    const tookMs = pair.time.now() - movedMs;
    assert.ok(tookMs < 8_000, `${tookMs} ms for 19 MB at a round trip of 100 ms`);
    close(pair);
  });
});
