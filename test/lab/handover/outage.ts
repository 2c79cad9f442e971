import { stay, type Movement } from '../../support/handover-lab/movement';

const OUTAGE_MS = 60_000;

export const movement: Movement = {
  name: 'outage',
  about: 'no network at all for a minute, then another one than before',
  mn: ['wifi'],
  cn: ['dual'],
  async move({ mn, share }) {
    await stay();
    mn.leave('wifi');
    await stay(OUTAGE_MS * share);
    mn.join('lte');
    await stay();
    return 1;
  },
};
