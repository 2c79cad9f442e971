import assert from 'node:assert/strict';
import { HeldRequests, type HeldRequest } from '../../../core/packet/held-requests';
import { VirtualTime } from '../../support/virtual-time';

function request(source: number, key = source): HeldRequest {
  const bytes = new Uint8Array(32).fill(key);
  const initiation = {
    peerStatic: bytes,
    peerEphemeral: bytes,
    timestamp: bytes,
    c: new Uint8Array(32).fill(7),
    h: bytes,
  };
  const from = { kind: 'direct', endpoint: { address: '192.0.2.1', port: source } } as const;
  return { initiation, remoteIndex: key, from };
}

const keyOf = (key: number): Uint8Array => new Uint8Array(32).fill(key);

describe('held requests', () => {
  it('full: one more comes -> the oldest gives way', () => {
    const held = new HeldRequests(new VirtualTime());
    for (let source = 1; source <= 17; source++) held.hold(request(source));
    assert.equal(held.take(keyOf(1)), undefined);
    for (let source = 2; source <= 17; source++) assert.equal(held.take(keyOf(source))?.remoteIndex, source);
  });

  it('one of a source is held: another comes from there -> the newer one counts', () => {
    const held = new HeldRequests(new VirtualTime());
    held.hold(request(5, 1));
    held.hold(request(5, 2));
    assert.equal(held.take(keyOf(1)), undefined);
    assert.equal(held.take(keyOf(2))?.remoteIndex, 2);
    assert.equal(held.take(keyOf(2)), undefined, 'taken once');
  });

  it('held: 3 s pass -> forgotten', () => {
    const time = new VirtualTime();
    const held = new HeldRequests(time);
    held.hold(request(1));
    time.advance(2_999);
    held.hold(request(2));
    time.advance(1);
    assert.equal(held.take(keyOf(1)), undefined);
    assert.ok(held.take(keyOf(2)));
  });

  it('held: cleared -> the handshake secrets are overwritten', () => {
    const held = new HeldRequests(new VirtualTime());
    const one = request(1);
    held.hold(one);
    held.clear();
    assert.deepEqual(one.initiation.c, new Uint8Array(32));
    assert.equal(held.take(keyOf(1)), undefined);
  });
});
