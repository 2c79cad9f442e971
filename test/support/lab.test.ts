import assert from 'node:assert/strict';
import { decideLab } from './lab';

const complete = { root: true, namespaces: true, nftables: true };

describe('lab decision', () => {
  it('complete machine: no setting -> runs', () => {
    assert.deepEqual(decideLab(undefined, complete), { run: true });
  });

  it('no nftables: no setting -> skips and says what is missing', () => {
    const decision = decideLab(undefined, { ...complete, nftables: false });
    assert.deepEqual(decision, { run: false, fail: false, reason: 'this machine lacks nftables (nft)' });
  });

  it('no root: required, as in CI -> fails', () => {
    const decision = decideLab('required', { ...complete, root: false });
    assert.deepEqual(decision, { run: false, fail: true, reason: 'this machine lacks root' });
  });

  it('complete machine: off -> skips', () => {
    assert.equal(decideLab('off', complete).run, false);
  });
});
