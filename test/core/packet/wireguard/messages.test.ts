import assert from 'node:assert/strict';
import { messageType, MessageType, readCounter } from '../../../../core/packet/wireguard/messages';
import { readIndex, writeCounter, writeIndex } from '../../../../core/packet/wireguard/messages';

const LENGTHS = { 1: 148, 2: 92, 3: 64, 4: 32 } as const;

describe('WireGuard messages', () => {
  it('each type at its length, one less and one more -> told apart by type and length', () => {
    for (const [type, length] of Object.entries(LENGTHS)) {
      const of = (n: number): number | undefined => {
        const datagram = new Uint8Array(n);
        datagram[0] = Number(type);
        return messageType(datagram);
      };
      assert.equal(of(length), Number(type));
      assert.equal(of(length - 1), undefined);
      assert.equal(of(length + 1), Number(type) === MessageType.transport ? MessageType.transport : undefined);
    }
  });

  it('every prefix of four bytes, other types, reserved bytes set -> no message', () => {
    for (let n = 0; n < 4; n++) assert.equal(messageType(Uint8Array.of(4, 0, 0, 0).subarray(0, n)), undefined);
    for (const first of [0, 5, 69, 255]) assert.equal(messageType(new Uint8Array(148).fill(first, 0, 1)), undefined);
    for (const reserved of [1, 2, 3]) {
      const datagram = new Uint8Array(32);
      datagram[0] = 4;
      datagram[reserved] = 1;
      assert.equal(messageType(datagram), undefined);
    }
  });

  it('indexes -> little endian, unsigned', () => {
    const bytes = new Uint8Array(6);
    writeIndex(bytes, 1, 0xfedcba98);
    assert.deepEqual([...bytes], [0, 0x98, 0xba, 0xdc, 0xfe, 0]);
    assert.equal(readIndex(bytes, 1), 0xfedcba98);
  });

  it('counters up to 2^53 - 1 -> eight bytes little endian, and back', () => {
    const datagram = new Uint8Array(32);
    writeCounter(datagram, 8, 0x1f_0203_0405_0607);
    assert.deepEqual([...datagram.subarray(8, 16)], [7, 6, 5, 4, 3, 2, 0x1f, 0]);
    for (const counter of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
      writeCounter(datagram, 8, counter);
      assert.equal(readCounter(datagram), counter);
    }
    datagram.fill(0xff, 8, 16);
    assert.ok(readCounter(datagram) > 2 ** 53 - 1, 'what is not exact is beyond every limit');
  });
});
