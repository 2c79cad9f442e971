import assert from 'node:assert/strict';
import { readIpPacket } from '../../../core/packet/ip-packet';
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
        const read = readIpPacket(Buffer.concat([packet, Buffer.alloc(padding)]))!;
        assert.equal(read.length, packet.length);
        assert.equal(Buffer.from(read.source).toString('hex'), source);
        assert.equal(Buffer.from(read.destination).toString('hex'), destination);
      }
    }
  });

  it('every prefix -> not a whole packet', () => {
    for (const packet of [ipv4, ipv6]) {
      for (let n = 0; n < packet.length; n++) assert.equal(readIpPacket(packet.subarray(0, n)), undefined, `${n}`);
    }
  });

  it('a length field less than the header, other versions -> not a packet', () => {
    const short = Buffer.from(ipv4);
    short.writeUInt16BE(19, 2);
    assert.equal(readIpPacket(short), undefined);
    for (const version of [0, 1, 2, 3, 5, 7, 8, 15]) {
      assert.equal(readIpPacket(new Uint8Array(64).fill(version << 4, 0, 1)), undefined);
    }
  });

  it('seeded garbage -> never longer than what there is', () => {
    const random = new SeededRandom(791);
    for (let i = 0; i < 5_000; i++) {
      const bytes = random.bytes(random.below(80));
      if (bytes.length > 0) bytes[0] = (i % 2 ? 0x40 : 0x60) | (bytes[0]! & 15);
      const read = readIpPacket(bytes);
      if (read) assert.ok(read.length <= bytes.length && read.source.length === read.destination.length);
    }
  });
});
