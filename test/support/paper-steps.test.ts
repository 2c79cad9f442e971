import assert from 'node:assert/strict';
import { expectedOf, figure4, tracedOf } from './paper-steps';

const event = (name: string, step: number, figure = 4) => ({ part: 'ns', event: name, figure, step });
const good = [event('receive', 10), event('send', 11), event('receive', 14), event('send', 15), event('receive', 16)];

describe('comparison with the paper', () => {
  it("the paper's steps: traced in order, with repetitions -> as expected", () => {
    const traced = tracedOf([...good, event('receive', 16), event('send', 9, 5)], 4, figure4);
    assert.deepEqual(traced, expectedOf('ns', figure4));
  });

  for (const [what, events] of [
    ['a step is missing', good.slice(0, -1)],
    ['two steps are swapped', [good[1]!, good[0]!, ...good.slice(2)]],
    ['a step is sent that should be received', [event('send', 10), ...good.slice(1)]],
    ['a step of another part is there', [...good, event('receive', 12)]],
  ] as const) {
    it(`the paper's steps: ${what} -> not as expected`, () => {
      assert.notDeepEqual(tracedOf(events, 4, figure4), expectedOf('ns', figure4));
    });
  }
});
