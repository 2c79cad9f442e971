import assert from 'node:assert/strict';
import { decodePcp, encodePcpAnnounce, encodePcpMap, isOlderRouter } from '../../../../core/reach/port-mapping/pcp';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const NONCE = hex('000102030405060708090a0b');

/** RFC 6887 sections 7.2 and 11.1. */
const RESPONSE = hex(`
  02 81 00 00  00000e10  0000002a  000000000000000000000000
  000102030405060708090a0b  11 000000  9c40 9c41  00000000000000000000ffffcb007107`);

describe('PCP messages', () => {
  it('MAP and ANNOUNCE requests: written -> as in RFC 6887, figures 2 and 9', () => {
    const mapping = { nonce: NONCE, internalPort: 40_000, externalPort: 40_001, externalAddress: '0.0.0.0' };
    assert.deepEqual(
      encodePcpMap(mapping, 3_600, '192.168.0.2'),
      hex(`02 01 0000  00000e10  00000000000000000000ffffc0a80002
        000102030405060708090a0b  11 000000  9c40 9c41  00000000000000000000ffff00000000`),
    );
    assert.deepEqual(encodePcpAnnounce('2001:db8::2'), hex('02 00 0000 00000000 20010db8000000000000000000000002'));
  });

  it('MAP response: read -> what it says', () => {
    assert.deepEqual(decodePcp(RESPONSE), {
      ...{ opcode: 'map', result: 0, lifetimeS: 3_600, epochS: 42 },
      mapping: { nonce: NONCE, internalPort: 40_000, externalPort: 40_001, externalAddress: '203.0.113.7' },
    });
  });

  it('MAP response: cut anywhere, too long, or of another kind -> none', () => {
    for (let length = 0; length < RESPONSE.length; length++) {
      assert.equal(decodePcp(RESPONSE.subarray(0, length)), undefined, `${length} bytes`);
    }
    const long = new Uint8Array(1_104);
    long.set(RESPONSE);
    assert.equal(decodePcp(long), undefined);
    assert.notEqual(decodePcp(long.subarray(0, 1_100)), undefined, 'options may follow');
    for (const [at, value] of [
      [0, 1],
      [1, 1], // a request
      [1, 0x82], // PEER
      [36, 6], // TCP
    ] as const) {
      assert.equal(decodePcp(RESPONSE.with(at, value)), undefined);
    }
  });

  it('answer of a router that speaks NAT-PMP only -> told apart', () => {
    assert.equal(isOlderRouter(hex('00 80 0001 00000009')), true);
    assert.equal(isOlderRouter(hex('00 80 0000 00000009 cb007107')), false);
    assert.equal(isOlderRouter(RESPONSE), false);
    assert.equal(isOlderRouter(hex('00 80 0001')), false);
  });
});
