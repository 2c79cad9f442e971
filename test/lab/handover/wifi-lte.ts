import { toAndFro, type Movement } from '../../support/handover-lab/movement';

export const movement: Movement = {
  name: 'wifi-lte',
  about: 'from Wi-Fi behind a NAT to LTE behind another, and back, never in both',
  mn: ['wifi'],
  cn: ['dual'],
  move({ mn, share }) {
    return toAndFro(
      Math.max(2, Math.round(6 * share)),
      () => mn.change('wifi', 'lte'),
      () => mn.change('lte', 'wifi'),
    );
  },
};
