/**
 * How many trips follow each other until a tunnel is there. The paper's Table 5 has 15 one way: MN-DC 2, DNS 1, DC-DC 6,
 * DC-NS 1, CN-NS 1, CN-DC 3, MN-CN 1.
 *
 * What the information needs: DC_MN must be asked (MN-DC 2), choose the route by CN's situation (DC-DC 2), have CN told
 * and hear that it is there, and where (DC-DC 2, CN-DC 2). CN's Tunnel Request overtakes MN's direction; the Tunnel
 * Response and what proves to MN that the keys are CN's take MN-CN 2: ten, five round trips. At the first meeting the
 * AS vouches for each DC to the other (DC-AS 2 each), and a key is distributed (DC-DC 2).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { tripsOf } from '../support/trips';

const fewest = {
  ...{ 'MN-DC': 2, DNS: 0, 'DC-DC': 4, 'DC-AS': 0, 'DC-NS': 0, 'CN-NS': 0, 'CN-DC': 2, 'MN-CN': 2 },
};

describe('trips of a tunnel construction between two zones', () => {
  for (const withNotification of [false, true]) {
    const ns = withNotification ? 'with NS' : 'without NS';

    it(`${ns}, the DCs have met, CN just heard of -> ten, which is what it needs`, async () => {
      assert.deepEqual(await tripsOf({ withNotification, met: true }), fewest);
    });

    it(`${ns}, first meeting -> six more: both ask the AS, DNS is asked meanwhile, and a key is distributed`, async () => {
      const first = { ...fewest, 'DC-DC': 6, 'DC-AS': 4 };
      assert.deepEqual(await tripsOf({ withNotification, met: false }), first);
    });
  }
});
