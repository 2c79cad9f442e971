import { stay, type Movement } from '../../support/handover-lab/movement';

/** Until the operating system notices. */
const UNNOTICED_MS = 8_000;

export const movement: Movement = {
  name: 'silent',
  about: 'Wi-Fi carries nothing any more, which nobody says for 8 s; LTE is there all the time',
  mn: ['wifi', 'lte'],
  cn: ['dual'],
  async move({ mn, share }) {
    const times = Math.max(1, Math.round(2 * share));
    for (let i = 0; i < times; i++) {
      await stay();
      mn.leave('wifi', 'silent');
      await stay(UNNOTICED_MS);
      mn.leave('wifi');
      await stay();
      mn.join('wifi');
    }
    await stay();
    return times * 2;
  },
};
