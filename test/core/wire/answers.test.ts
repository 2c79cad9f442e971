import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Answers, Forgetting } from '../../../core/wire/answers';
import { VirtualTime } from '../../support/virtual-time';

const datagram = Uint8Array.of(1);

describe('answers that were given', () => {
  it('begun, finished -> in progress, then the datagram', () => {
    const answers = new Answers();
    answers.begin(5n);
    assert.equal(answers.find(5n), 'in progress');
    answers.finish(5n, datagram);
    assert.equal(answers.find(5n), datagram);
    assert.equal(answers.find(4n), undefined);
  });

  it('65 of one peer -> the oldest is forgotten', () => {
    const answers = new Answers();
    for (let id = 0n; id < 65n; id++) answers.begin(id);
    assert.deepEqual(
      [answers.find(0n), answers.find(1n), answers.find(64n)],
      [undefined, 'in progress', 'in progress'],
    );
  });

  it('ten seconds later: another peer asks -> those of all peers that are older are forgotten', () => {
    const time = new VirtualTime();
    const forgetting = new Forgetting(time);
    const peers = [new Answers(), new Answers(), new Answers()] as const;
    const begin = (answers: Answers, id: bigint): void => {
      answers.begin(id);
      forgetting.later(answers, id);
    };
    begin(peers[0], 1n);
    time.advance(5_000);
    begin(peers[0], 2n);
    begin(peers[1], 1n);
    time.advance(5_000);
    begin(peers[2], 1n);
    assert.deepEqual(
      [peers[0].find(1n), peers[0].find(2n), peers[1].find(1n)],
      [undefined, 'in progress', 'in progress'],
    );
    time.advance(5_000);
    begin(peers[2], 2n);
    assert.deepEqual([peers[0].find(2n), peers[1].find(1n), peers[2].find(1n)], [undefined, undefined, 'in progress']);
  });

  it('more than all peers may have, at one moment -> the oldest are forgotten', () => {
    const forgetting = new Forgetting(new VirtualTime());
    const all = Array.from({ length: 65_600 }, () => new Answers());
    for (const answers of all) {
      answers.begin(1n);
      forgetting.later(answers, 1n);
    }
    assert.equal(all.filter((answers) => answers.find(1n)).length, 65_536);
    assert.equal(all[63]!.find(1n), undefined);
  });
});
