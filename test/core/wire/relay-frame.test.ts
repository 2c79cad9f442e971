import assert from 'node:assert/strict';
import { hex } from '../../../core/wire/keys';
import {
  hasPathId,
  isRelayFrame,
  isRelayHint,
  makePathId,
  pathIdOf,
  relayedDatagram,
  relayHint,
  slotOf,
  writeRelayHeader,
} from '../../../core/wire/relay-frame';

const pathId = makePathId(0x80000102, Uint8Array.of(0xa0, 0xa1, 0xa2, 0xa3));
const datagram = new Uint8Array(32).fill(4);

function frame(): Uint8Array {
  const bytes = new Uint8Array(42);
  writeRelayHeader(bytes, pathId);
  bytes.set(datagram, 10);
  return bytes;
}

describe('relay frame', () => {
  it('a path and a datagram: written -> these bytes; read -> the same', () => {
    assert.equal(hex(frame()), `520180000102a0a1a2a3${'04'.repeat(32)}`);
    assert(isRelayFrame(frame()));
    assert.equal(slotOf(frame()), 0x80000102);
    assert.deepEqual(pathIdOf(frame()), pathId);
    assert.deepEqual(relayedDatagram(frame()), datagram);
  });

  it('at an offset of a larger buffer -> read all the same', () => {
    const within = new Uint8Array(100);
    within.set(frame(), 7);
    const view = within.subarray(7, 49);
    assert.deepEqual([pathIdOf(view), relayedDatagram(view)], [pathId, datagram]);
  });

  it('hint: written -> these bytes; a frame is none, and a hint is no frame', () => {
    assert.equal(hex(relayHint(pathId)), '720180000102a0a1a2a3');
    assert(isRelayHint(relayHint(pathId)));
    assert(!isRelayHint(frame()) && !isRelayFrame(relayHint(pathId)));
  });

  it('every shorter length, another version, what is not WireGuard -> no frame', () => {
    for (let length = 0; length < 42; length++) assert(!isRelayFrame(frame().subarray(0, length)), String(length));
    for (const [at, value] of [
      [1, 0],
      [1, 2],
      [10, 0],
      [10, 5],
      [10, 0x4e],
    ] as const) {
      const other = frame();
      other[at] = value;
      assert(!isRelayFrame(other), `${value} at ${at}`);
    }
  });

  it('another bit of the path id -> another path', () => {
    for (let bit = 0; bit < 64; bit++) {
      const other = frame();
      other[2 + (bit >> 3)]! ^= 1 << (bit & 7);
      assert(!hasPathId(other, pathId), `bit ${bit}`);
    }
    assert(hasPathId(frame(), pathId));
  });
});
