import { toAndFro, type Movement } from '../../support/handover-lab/movement';

export const movement: Movement = {
  name: 'both-at-once',
  about: 'both hosts go from Wi-Fi to LTE, and back, at the same moment',
  mn: ['wifi'],
  cn: ['wifi'],
  move({ mn, cn, share }) {
    const change = (from: string, to: string): void => {
      for (const host of [mn, cn]) host.change(from, to);
    };
    return toAndFro(
      Math.max(2, Math.round(4 * share)),
      () => change('wifi', 'lte'),
      () => change('lte', 'wifi'),
    );
  },
};
