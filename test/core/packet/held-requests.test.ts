import assert from 'node:assert/strict';
import { HeldRequests, type HeldRequest } from '../../../core/packet/held-requests';
import type { Path } from '../../../core/packet/path';
import { VirtualTime } from '../../support/virtual-time';

const key = (n: number): Uint8Array => new Uint8Array(32).fill(n);
const direct = (port: number): Path => ({ kind: 'direct', endpoint: { address: '192.0.2.1', port } });
const relay = (id: number): Path => ({
  ...{ kind: 'relay', endpoint: { address: '192.0.2.9', port: 9 } },
  pathId: new Uint8Array(8).fill(id),
});

function request(peer: number, timestamp: number, from: Path): HeldRequest {
  const nothing = new Uint8Array(0);
  return {
    initiation: {
      ...{ peerStatic: key(peer), peerEphemeral: nothing, c: nothing, h: nothing },
      timestamp: new Uint8Array(12).fill(timestamp),
    },
    ...{ remoteIndex: timestamp, from },
  };
}

describe('held requests', () => {
  let time: VirtualTime;
  let held: HeldRequests;
  beforeEach(() => {
    time = new VirtualTime();
    held = new HeldRequests(time);
  });

  it('one key from several paths: taken -> the newest, and nothing is left of the others', () => {
    held.hold(request(1, 1, direct(1)));
    held.hold(request(1, 3, direct(2)));
    held.hold(request(1, 2, direct(3)));
    assert.equal(held.take(key(1))?.remoteIndex, 3);
    assert.equal(held.take(key(1)), undefined);
  });

  it('several nodes behind one relay server -> each is held', () => {
    for (const n of [1, 2, 3]) held.hold(request(n, n, relay(n)));
    for (const n of [1, 2, 3]) assert.equal(held.take(key(n))?.remoteIndex, n);
  });

  it('a path floods with new keys -> it holds one place, the others stay', () => {
    held.hold(request(1, 1, direct(1)));
    for (let n = 2; n < 200; n++) held.hold(request(n, n, direct(2)));
    assert.equal(held.take(key(198)), undefined);
    assert.equal(held.take(key(199))?.remoteIndex, 199);
    assert.equal(held.take(key(1))?.remoteIndex, 1);
  });

  it('more than 16 from everywhere -> the oldest gives way', () => {
    for (let n = 0; n < 17; n++) held.hold(request(n, 1, direct(100 + n)));
    assert.equal(held.take(key(0)), undefined);
    assert.ok(held.take(key(1)));
  });

  it('3 s pass -> forgotten', () => {
    held.hold(request(1, 1, direct(1)));
    time.advance(2_999);
    held.hold(request(2, 1, direct(2)));
    time.advance(1);
    assert.equal(held.take(key(1)), undefined);
    assert.ok(held.take(key(2)));
  });

  it('cleared -> the handshake secrets are overwritten', () => {
    const one = request(1, 1, direct(1));
    const secret = new Uint8Array(32).fill(7);
    held.hold({ ...one, initiation: { ...one.initiation, c: secret } });
    held.clear();
    assert.deepEqual(secret, new Uint8Array(32));
    assert.equal(held.take(key(1)), undefined);
  });
});
