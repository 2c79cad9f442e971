import { toAndFro, type Movement } from '../../support/handover-lab/movement';

export const movement: Movement = {
  name: 'global-private',
  about: "from a public address to a private one behind a symmetric NAT, and back (the paper's case)",
  mn: ['wired'],
  cn: ['dual'],
  move({ mn, share }) {
    const [there, back] = [() => mn.change('wired', 'ltesym'), () => mn.change('ltesym', 'wired')];
    return toAndFro(Math.max(2, Math.round(4 * share)), there, back);
  },
};
