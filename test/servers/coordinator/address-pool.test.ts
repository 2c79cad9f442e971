import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { AddressPool } from '../../../servers/coordinator/address-pool';
import { memoryStore } from '../../support/memory-store';

const options = { zone: 'ntm.test', ipv4Block: '198.18.0.0/15', ipv6Prefix: 'fd00:1:2:1::/64' };

describe('pool of virtual addresses', () => {
  for (const [number, ipv4, ipv6] of [
    [1, '198.18.0.1', 'fd00:1:2:1::1'],
    [65_535, '198.18.255.255', 'fd00:1:2:1::ffff'],
    [65_536, '198.19.0.0', 'fd00:1:2:1::1:0'],
    [131_070, '198.19.255.254', 'fd00:1:2:1::1:fffe'],
  ] as const) {
    it(`node ${number} of a block of 131,070: its addresses -> its name`, async () => {
      const assignments = {
        ...memoryStore().assignments,
        assign: async () => number,
        nameOf: async (_: string, asked: number) => (asked === number ? 'alice.ntm.test' : undefined),
      };
      const pool = new AddressPool(options, assignments);
      assert.deepEqual(await pool.assign('alice.ntm.test'), { ipv4, ipv6 });
      assert.equal(await pool.nameOf(ipv4), 'alice.ntm.test');
      assert.equal(await pool.nameOf(ipv6), 'alice.ntm.test');
    });
  }

  it('addresses of others, of no node -> not held', () => {
    const pool = new AddressPool(options, memoryStore().assignments);
    for (const address of [
      '198.20.0.1',
      '198.18.0.0',
      '198.19.255.255',
      'fd00:1:2:2::1',
      'fd00:1:2:1::2:0',
      'fd00:1:2:1::1:2:3',
    ]) {
      assert.equal(pool.holds(address), false, address);
    }
  });
});
