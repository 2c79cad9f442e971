import { toAndFro, type Movement } from '../../support/handover-lab/movement';

/** That no UDP passes shows only after it was tried. */
const STAY_MS = 8_000;

export const movement: Movement = {
  name: 'guest-network',
  about: 'from LTE to a guest network that lets nothing out but TLS, and back',
  mn: ['lte'],
  cn: ['dual'],
  move({ mn, share }) {
    return toAndFro(
      Math.max(2, Math.round(4 * share)),
      () => mn.change('lte', 'guest'),
      () => mn.change('guest', 'lte'),
      STAY_MS,
    );
  },
};
