import type { Movement } from '../../support/handover-lab/movement';
import { fallSilent } from './silent';

export const movement: Movement = {
  name: 'silent-restricted',
  about: 'the same, and the correspondent is behind a NAT that lets only those in to whom something was sent',
  mn: ['wifi', 'lte'],
  cn: ['wifi'],
  move: (world) => fallSilent(world, 'wifi'),
};
