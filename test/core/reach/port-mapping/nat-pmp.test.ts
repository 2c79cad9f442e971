import assert from 'node:assert/strict';
import { decodeNatPmp, encodeNatPmpAddress, encodeNatPmpMap } from '../../../../core/reach/port-mapping/nat-pmp';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const ADDRESS = hex('00 80 0000 0000002a cb007107');
const MAPPING = hex('00 81 0000 0000002a 9c40 9c41 00000e10');

describe('NAT-PMP messages', () => {
  it('requests: written -> as in RFC 6886 sections 3.2 and 3.3', () => {
    assert.deepEqual(encodeNatPmpAddress(), hex('00 00'));
    assert.deepEqual(encodeNatPmpMap(40_000, 40_001, 3_600), hex('00 01 0000 9c40 9c41 00000e10'));
  });

  it('responses: read -> what they say', () => {
    assert.deepEqual(decodeNatPmp(ADDRESS), { result: 0, epochS: 42, opcode: 'address', address: '203.0.113.7' });
    const ports = { internalPort: 40_000, externalPort: 40_001, lifetimeS: 3_600 };
    assert.deepEqual(decodeNatPmp(MAPPING), { result: 0, epochS: 42, opcode: 'map', ...ports });
    assert.equal(decodeNatPmp(hex('00 81 0002 0000002a'))?.result, 2, 'an error without more');
  });

  it('responses: cut anywhere, too long, or of another kind -> none', () => {
    for (const response of [ADDRESS, MAPPING]) {
      for (let length = 0; length < response.length; length++) {
        assert.equal(decodeNatPmp(response.subarray(0, length)), undefined, `${length} bytes`);
      }
      const long = new Uint8Array(65);
      long.set(response);
      assert.equal(decodeNatPmp(long), undefined);
      assert.equal(decodeNatPmp(response.with(0, 2)), undefined);
      assert.equal(decodeNatPmp(response.with(1, 0)), undefined, 'a request');
      assert.equal(decodeNatPmp(response.with(1, 0x82)), undefined, 'TCP');
    }
  });
});
