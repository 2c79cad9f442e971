import type { Movement } from '../../support/handover-lab/movement';
import { fallSilent } from './silent';

export const movement: Movement = {
  name: 'silent-symmetric',
  about: 'the same, and by the other network, with a symmetric NAT, the correspondent is reached through a relay only',
  mn: ['wifi', 'ltesym'],
  cn: ['wifi'],
  move: (world) => fallSilent(world, 'wifi'),
};
