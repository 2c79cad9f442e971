/** The path MTU rises and falls under connections that were opened before. */
import assert from 'node:assert/strict';
import { bobAddresses, StackPair } from '../../../support/stack-pair';

const LEAST = 1_200;

function close(pair: StackPair): void {
  assert.deepEqual(pair.faults, []);
  pair.alice.close();
  pair.bob.close();
  assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0);
}

describe('virtual stack: path MTU', () => {
  for (const [family, address] of Object.entries(bobAddresses)) {
    for (const mtu of [8_920, 16_444, 65_000]) {
      it(`${family}: it rises to ${mtu}, a segment larger than the first window -> what is written then arrives`, () => {
        const pair = new StackPair({ mtu: LEAST });
        const { client, server } = pair.connect(address);
        pair.setPathMtu(mtu);
        client.send(pair.random.bytes(500_000));
        pair.time.runUntil(() => server.receivedLength === 500_000, 5_000);
        pair.time.advance(60_000); // the window is smaller after a rest
        client.send(pair.random.bytes(500_000), { shutdown: true });
        pair.time.runUntil(() => server.seen('ended'), 5_000);
        assert.equal(server.receivedLength, 1_000_000);
        close(pair);
      });
    }
  }

  it('it falls: the last segment is cut, with the FIN on it -> the end comes after the bytes', () => {
    const pair = new StackPair({ mtu: 9_000 });
    const { client, server } = pair.connect();
    const bytes = pair.random.bytes(9_000);
    pair.largest = LEAST;
    client.send(bytes, { shutdown: true });
    pair.time.advance(20);
    pair.setPathMtu(LEAST);
    pair.time.runUntil(() => server.seen('ended'), 5_000);
    assert.deepEqual(server.bytes, Buffer.from(bytes));
    close(pair);
  });
});
