import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { decodePathMessage, encodeCall, encodeNotice } from '../../../core/packet/path-probe';
import { hex } from '../../../core/wire/keys';

const CHALLENGE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

describe('control inside a tunnel', () => {
  for (const [endpoint, bytes] of [
    [{ address: '203.0.113.7', port: 4_660 }, '040102030405060708001d00000000000000000000ffffcb0071071234'],
    [{ address: '2001:db8::7', port: 65_535 }, '040102030405060708001d20010db8000000000000000000000007ffff'],
  ] as const) {
    it(`a call to ${endpoint.address} -> these bytes, and back; with what is missing at its end -> none`, () => {
      const call = encodeCall(CHALLENGE, endpoint);
      assert.equal(hex(call), bytes);
      const read = { kind: 'call', challenge: CHALLENGE, length: 29, endpoint };
      assert.deepEqual(decodePathMessage(call), read);
      assert.deepEqual(decodePathMessage(Uint8Array.of(...call, 0, 0, 0)), read); // padded
      for (let length = 0; length < call.length; length++) {
        assert.equal(decodePathMessage(call.subarray(0, length)), undefined);
      }
    });
  }

  it('a call, or a notice, that says another length -> none', () => {
    for (const message of [encodeCall(CHALLENGE, { address: '203.0.113.7', port: 1 }), encodeNotice(CHALLENGE, 1)]) {
      message[10]! += 1;
      assert.equal(decodePathMessage(message), undefined);
    }
  });
});
