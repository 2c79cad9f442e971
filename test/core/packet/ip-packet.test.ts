import assert from 'node:assert/strict';
import { addressesOf, destinationOf, ipLength } from '../../../core/packet/ip-packet';
import { SeededRandom } from '../../support/virtual-time';

const ipv4 = Buffer.from('4500001c00010000401100 00c6120001c612000200350035000800 00'.replaceAll(' ', ''), 'hex');
const ipv6 = Buffer.from(`6000000000083a40fd${'00'.repeat(14)}01fd${'00'.repeat(14)}028000000000000000`, 'hex');

describe('IP packet', () => {
  it('IPv4 and IPv6, with padding behind -> length without it, addresses', () => {
    for (const [packet, source, destination] of [
      [ipv4, 'c6120001', 'c6120002'],
      [ipv6, `fd${'00'.repeat(14)}01`, `fd${'00'.repeat(14)}02`],
    ] as const) {
      for (const padding of [0, 1, 15]) {
        const padded = Buffer.concat([packet, Buffer.alloc(padding)]);
        assert.equal(ipLength(padded), packet.length);
        const at = addressesOf(padded);
        assert.equal(padded.toString('hex', at.source, at.source + at.addressLength), source);
        assert.equal(padded.toString('hex', at.destination, at.destination + at.addressLength), destination);
        assert.equal(Buffer.from(destinationOf(padded)).toString('hex'), destination);
      }
    }
  });

  it('every prefix -> not a whole packet', () => {
    for (const packet of [ipv4, ipv6]) {
      for (let n = 0; n < packet.length; n++) assert.equal(ipLength(packet.subarray(0, n)), 0, `${n}`);
    }
  });

  it('a length field less than the header, other versions -> not a packet', () => {
    const short = Buffer.from(ipv4);
    short.writeUInt16BE(19, 2);
    assert.equal(ipLength(short), 0);
    for (const version of [0, 1, 2, 3, 5, 7, 8, 15]) {
      assert.equal(ipLength(new Uint8Array(64).fill(version << 4, 0, 1)), 0);
    }
  });

  it('seeded garbage -> never longer than what there is', () => {
    const random = new SeededRandom(791);
    for (let i = 0; i < 5_000; i++) {
      const bytes = random.bytes(random.below(80));
      if (bytes.length > 0) bytes[0] = (i % 2 ? 0x40 : 0x60) | (bytes[0]! & 15);
      const length = ipLength(bytes);
      assert.ok(length >= 0 && length <= bytes.length);
      if (length > 0) assert.equal(destinationOf(bytes).length, addressesOf(bytes).addressLength);
    }
  });
});
