/** What is known of one path. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { PathRecord } from '../../../../core/packet/paths/path-record';

const RTT_MS = 10;

describe('record of a path', () => {
  const record = (): PathRecord => {
    const made = new PathRecord({ kind: 'direct', endpoint: { address: '203.0.113.1', port: 4_000 } });
    made.answered(RTT_MS, 0);
    return made;
  };

  it('three probes in a row are lost -> it does not work', () => {
    const path = record();
    for (const sentMs of [100, 150, 200]) path.lost(sentMs);
    assert(!path.isUsable(1_700));
  });

  it('three are lost, and one that was sent after them is answered before they are known to be -> it works', () => {
    const path = record();
    path.answered(RTT_MS, 250);
    for (const sentMs of [100, 150, 200]) path.lost(sentMs);
    assert(path.isUsable(1_700));
    assert(path.loss > 0.1, 'they count all the same');
  });
});
