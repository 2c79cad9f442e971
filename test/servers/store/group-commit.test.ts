import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { GroupCommit } from '../../../servers/store/group-commit';

describe('group commit', () => {
  it('writes of one turn -> one commit, and each has its own result', async () => {
    const commits: (readonly number[])[] = [];
    const group = new GroupCommit<number, number>((writes) => {
      commits.push(writes);
      return writes.map((write) => write * 10);
    });
    assert.deepEqual(await Promise.all([group.add(1), group.add(2), group.add(3)]), [10, 20, 30]);
    assert.equal(await group.add(4), 40);
    assert.deepEqual(commits, [[1, 2, 3], [4]]);
  });

  it('the disk is full -> nobody is told that it was written, and the next may be', async () => {
    let full = true;
    const group = new GroupCommit<number, number>((writes) => {
      if (full) throw new Error('database or disk is full');
      return writes;
    });
    const outcomes = await Promise.allSettled([group.add(1), group.add(2)]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['rejected', 'rejected'],
    );
    full = false;
    assert.equal(await group.add(3), 3);
  });

  it('flushed before its turn ends, as when the store is closed -> written', async () => {
    const group = new GroupCommit<number, number>((writes) => writes);
    const written = group.add(1);
    group.flush();
    assert.equal(await written, 1);
  });
});
