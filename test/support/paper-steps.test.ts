import assert from 'node:assert/strict';
import type { Figure, FigureStep } from '../../core/wire/figures';
import { differences, type TracedEvent } from './paper-steps';

const step = (number: number, from: string, to: string, more: Partial<FigureStep> = {}): FigureStep =>
  ({ step: number, from, to, what: 'it', after: number > 1 ? [number - 1] : [], ...more }) as FigureStep;

const figure: Figure = {
  ...{ number: 4, title: 'a figure', parts: ['MN', 'DC_MN', 'NS_MN'] },
  steps: [
    step(1, 'MN', 'MN'),
    step(2, 'MN', 'DC_MN'),
    step(3, 'DC_MN', 'NS_MN', { withNotification: true }),
    step(4, 'NS_MN', 'DC_MN', { withNotification: true }),
    step(5, 'DC_MN', 'MN', { after: [4] }),
  ],
};
const event = (name: string, number: number): TracedEvent => ({ event: name, figure: 4, step: number });
const mn = [event('starts', 1), event('send', 2), event('receive', 5)];
const dc = [event('receive', 2), event('send', 3), event('receive', 4), event('send', 5)];
const ns = [event('receive', 3), event('send', 4)];
const good = { MN: mn, DC_MN: dc, NS_MN: ns };
const off = { withNotification: false };

describe('comparison with the paper', () => {
  it('the steps of a figure: traced in order, with repetitions and those of other figures -> no differences', () => {
    const more = { ...good, MN: [...mn, event('send', 2), { event: 'send', figure: 5, step: 9 }] };
    assert.deepEqual(differences(figure, more), []);
  });

  it('no NS: the steps without it -> no differences; with it, they are missing', () => {
    const without = { MN: mn, DC_MN: [dc[0]!, dc[3]!] };
    assert.deepEqual(differences(figure, without, off), []);
    assert.equal(differences(figure, without).length, 4);
  });

  it('two parts in one process: traced together -> no differences', () => {
    const both = [...dc.slice(0, 2), ...ns, ...dc.slice(2)];
    assert.deepEqual(differences(figure, { MN: mn, DC_MN: both, NS_MN: both }), []);
  });

  for (const [what, traces, conditions] of [
    ['a step is missing', { ...good, MN: mn.slice(0, 2) }, {}],
    ['two steps are swapped', { ...good, DC_MN: [dc[1]!, dc[0]!, ...dc.slice(2)] }, {}],
    ['a step is sent that should be received', { ...good, NS_MN: [event('send', 3), ns[1]!] }, {}],
    ['a step of another part is there', { ...good, NS_MN: [...ns, event('receive', 5)] }, {}],
    ['there is an NS, and should not be', good, off],
    ['without NS, the steps around it are swapped', { MN: mn, DC_MN: [dc[3]!, dc[0]!] }, off],
  ] as const) {
    it(`the steps of a figure: ${what} -> told`, () => {
      assert.notDeepEqual(differences(figure, traces, conditions), []);
    });
  }
});
