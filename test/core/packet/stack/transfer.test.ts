import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { bobAddresses, StackPair } from '../../../support/stack-pair';
import { SeededRandom } from '../../../support/virtual-time';

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('virtual stack: transfers', () => {
  it('established: 20 MB both ways at once -> both arrive intact', () => {
    const pair = new StackPair({ delayMs: 10 });
    const { client, server } = pair.connect();
    const random = new SeededRandom(20);
    const block = Buffer.from(random.bytes(1_000_003));
    const up = Buffer.concat(Array.from({ length: 20 }, () => block));
    const down = Buffer.from(up).reverse();
    client.send(up, { shutdown: true });
    server.send(down, { shutdown: true });
    pair.time.runUntil(() => client.seen('closed') && server.seen('closed'), 120_000);
    assert.equal(sha256(server.bytes), sha256(up));
    assert.equal(sha256(client.bytes), sha256(down));
    close(pair);
  });

  it('established: receiver does not consume -> the window closes, and reopens when it does', () => {
    const pair = new StackPair();
    const { client, server } = pair.connect();
    server.consuming = false;
    const bytes = Buffer.alloc(20_000_000, 'z');
    client.send(bytes, { shutdown: true });
    pair.time.advance(20_000);
    const stalledAt = server.bytes.length;
    assert.ok(stalledAt <= 256 * 1024 && stalledAt > 250 * 1024, `stalled at ${stalledAt}`);
    pair.time.advance(600_000);
    assert.equal(server.bytes.length, stalledAt);
    assert.deepEqual(client.events, ['connected']);
    server.consuming = true;
    server.connection.consumed(stalledAt);
    pair.time.runUntil(() => server.seen('ended'), 60_000);
    assert.equal(server.bytes.length, bytes.length);
    close(pair);
  });

  for (const seed of [1, 2, 3]) {
    it(`established, 1 % loss (seed ${seed}): 2 MB -> arrive intact`, () => {
      const pair = new StackPair({ seed });
      const { client, server } = pair.connect();
      pair.loss = 0.01;
      const bytes = new SeededRandom(seed).bytes(2_000_000);
      client.send(bytes, { shutdown: true });
      pair.time.runUntil(() => server.seen('ended'), 600_000);
      assert.equal(sha256(server.bytes), sha256(bytes));
      close(pair);
    });
  }

  for (const [family, address] of Object.entries(bobAddresses)) {
    it(`established over ${family}, loss: every packet sent -> has the checksums that a kernel verifies`, () => {
      const pair = new StackPair({ seed: 5 });
      pair.toBob = [];
      pair.toAlice = [];
      const { client, server } = pair.connect(address);
      pair.loss = 0.02;
      client.connection.setNoDelay(true);
      for (let i = 1; i < 60; i++) client.connection.write(Buffer.alloc(i, i)); // odd lengths, joined segments
      client.send(new SeededRandom(5).bytes(100_001), { shutdown: true });
      pair.time.runUntil(() => server.seen('ended'), 600_000);
      const packets = [...pair.toBob, ...pair.toAlice];
      assert.ok(packets.length > 100);
      for (const packet of packets) {
        if (family === 'ipv4') assert.equal(onesSum(packet.subarray(0, 20)), 0xffff);
        const payload = packet.subarray(family === 'ipv4' ? 20 : 40);
        const endpoints = family === 'ipv4' ? packet.subarray(12, 20) : packet.subarray(8, 40);
        const pseudo = Buffer.concat([endpoints, Buffer.from([0, 6, payload.length >> 8, payload.length & 255])]);
        assert.equal(onesSum(Buffer.concat([pseudo, payload])), 0xffff);
        assert.ok(packet.length <= 1380);
      }
      close(pair);
    });
  }

  it('established, by Nagle: the end of a message leaves with its beginning; one small write waits for another', () => {
    const pair = new StackPair();
    const { client } = pair.connect();
    pair.time.advance(1_000);
    pair.toBob = [];
    client.send(pair.random.bytes(2_000)); // more than a segment
    assert.equal(pair.toBob.length, 2);
    pair.time.advance(1_000);
    pair.toBob = [];
    client.send(pair.random.bytes(10));
    client.send(pair.random.bytes(10));
    assert.equal(pair.toBob.length, 1);
    pair.time.advance(1_000);
    assert.equal(pair.toBob.length, 2);
  });

  it('established: many small writes with and without Nagle -> arrive intact', () => {
    for (const noDelay of [false, true]) {
      const pair = new StackPair();
      const { client, server } = pair.connect();
      client.connection.setNoDelay(noDelay);
      for (let i = 0; i < 2000; i++) assert.equal(client.connection.write(Buffer.from(String(i % 10))), 1);
      pair.time.advance(2000);
      assert.equal(server.bytes.length, 2000);
      assert.equal(client.connection.unacknowledgedLength, 0);
      close(pair);
    }
  });
});

/** RFC 1071, the plain way. */
function onesSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += ((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function close(pair: StackPair): void {
  pair.alice.close();
  pair.bob.close();
  assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0);
}
