import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import {
  isStun,
  readBindingRequest,
  readBindingResponse,
  writeBindingRequest,
  writeBindingResponse,
} from '../../../core/wire/stun';
import { SeededRandom } from '../../support/virtual-time';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const transaction = bytes('b7e7a701 bc34d686 fa87dfae');

/** RFC 5769 section 2.1: asks for more than an address, and so is none of ours. */
const iceRequest = bytes(`
  0001 0058 2112a442 b7e7a701 bc34d686 fa87dfae
  8022 0010 5354554e 20746573 7420636c 69656e74
  0024 0004 6e0001ff
  8029 0008 932ff9b1 51263b36
  0006 0009 6576746a 3a683676 59202020
  0008 0014 9aeaa70c bfd8cb56 781ef2b5 b2d3f249 c1b571a2
  8028 0004 e57a3bcf`);
/** Section 2.2. */
const ipv4Response = bytes(`
  0101 003c 2112a442 b7e7a701 bc34d686 fa87dfae
  8022 000b 74657374 20766563 746f7220
  0020 0008 0001a147 e112a643
  0008 0014 2b91f599 fd9e90c3 8c7489f9 2af9ba53 f06be7d7
  8028 0004 c07d4c96`);
/** Section 2.3. */
const ipv6Response = bytes(`
  0101 0048 2112a442 b7e7a701 bc34d686 fa87dfae
  8022 000b 74657374 20766563 746f7220
  0020 0014 0002a147 0113a9fa a5d3f179 bc25f4b5 bed2b9d9
  0008 0014 a382954e 4be67bf1 1784c97c 8292c275 bfe3ed41
  8028 0004 c8fb0b4c`);
const ipv4 = { address: '192.0.2.1', port: 32_853 };
const ipv6 = { address: '2001:db8:1234:5678:11:2233:4455:6677', port: 32_853 };

describe('stun', () => {
  it('responses of RFC 5769: read -> the address, whatever else is there', () => {
    assert.deepEqual(readBindingResponse(ipv4Response), { transaction, mapped: ipv4 });
    assert.deepEqual(readBindingResponse(ipv6Response), { transaction, mapped: ipv6 });
  });

  it('a response: written -> the bytes of RFC 5769 without its other attributes', () => {
    const written = (mapped: typeof ipv4): string =>
      Buffer.from(writeBindingResponse({ transaction, mapped })).toString('hex');
    const address4 = '002000080001a147e112a643';
    const address6 = '002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9';
    assert.equal(written(ipv4), `0101000c2112a442b7e7a701bc34d686fa87dfae${address4}`);
    assert.equal(written(ipv6), `010100182112a442b7e7a701bc34d686fa87dfae${address6}`);
  });

  it('a request that asks for more than is done here: read -> nothing', () => {
    assert.equal(isStun(iceRequest), true);
    assert.equal(readBindingRequest(iceRequest), undefined);
    const otherAddress = writeBindingRequest({ transaction, changePort: true });
    otherAddress[otherAddress.length - 1]! |= 4;
    assert.equal(readBindingRequest(otherAddress), undefined);
  });

  for (const changePort of [false, true]) {
    it(`a request, change port ${changePort}: written -> read again, and as long as any answer`, () => {
      const request = writeBindingRequest({ transaction, changePort });
      assert.deepEqual(readBindingRequest(request), { transaction, changePort });
      for (const mapped of [ipv4, ipv6]) {
        assert(writeBindingResponse({ transaction, mapped }).length <= request.length);
      }
    });
  }

  it('a request for an answer at another port: written -> the bytes of RFC 5780 section 7.5, and read again', () => {
    const request = writeBindingRequest({ transaction, answerTo: 0x1234 });
    assert.equal(Buffer.from(request.subarray(-8)).toString('hex'), '0027000412340000');
    assert.deepEqual(readBindingRequest(request), { transaction, changePort: false, answerTo: 0x1234 });
  });

  it("a WireGuard initiation, or a signalling message: looked at -> no STUN, by the bytes where STUN's cookie is", () => {
    const initiation = new Uint8Array(148).fill(0x21);
    initiation.set([1, 0, 0, 0]);
    assert.equal(isStun(initiation), false);
    assert.equal(isStun(Buffer.from('N'.repeat(64))), false);
    assert.equal(isStun(writeBindingRequest({ transaction, changePort: false })), true);
  });

  it('every part of a message, and every bit of it changed: read -> no error, and no part is taken for the whole', () => {
    const request = writeBindingRequest({ transaction, changePort: true });
    for (const message of [request, ipv4Response, ipv6Response]) {
      for (let length = 0; length < message.length; length++) {
        assert.equal(readBindingRequest(message.subarray(0, length)), undefined);
        assert.equal(readBindingResponse(message.subarray(0, length)), undefined);
      }
      for (let bit = 0; bit < message.length * 8; bit++) {
        const changed = message.slice();
        changed[bit >> 3]! ^= 1 << (bit & 7);
        readBindingRequest(changed);
        readBindingResponse(changed);
      }
    }
  });

  it('random attributes behind a right header: read -> no error', () => {
    const random = new SeededRandom(11);
    for (let round = 0; round < 2_000; round++) {
      const attributes = random.bytes((random.bytes(1)[0]! % 32) * 4);
      const header = round % 2 ? ipv4Response.slice(0, 20) : iceRequest.slice(0, 20);
      const message = new Uint8Array([...header, ...attributes]);
      message[3] = attributes.length;
      if (attributes.length > 4) message.set([0, round % 3 ? 0x20 : 0x03], 20);
      readBindingRequest(message);
      readBindingResponse(message);
    }
  });
});
