import { toAndFro, type Movement } from '../../support/handover-lab/movement';

export const movement: Movement = {
  name: 'ipv4-ipv6',
  about: 'from a network with IPv4 alone to one with IPv6 alone, and back',
  mn: ['wifi'],
  cn: ['dual'],
  move({ mn, share }) {
    const [there, back] = [() => mn.change('wifi', 'ipv6'), () => mn.change('ipv6', 'wifi')];
    return toAndFro(Math.max(2, Math.round(4 * share)), there, back);
  },
};
