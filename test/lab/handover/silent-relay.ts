import type { Movement } from '../../support/handover-lab/movement';
import { fallSilent } from './silent';

export const movement: Movement = {
  name: 'silent-relay',
  about: 'the same, and all NATs have another port for every destination, so that only the relay works',
  mn: ['wifisym', 'ltesym'],
  cn: ['ltesym'],
  move: (world) => fallSilent(world, 'wifisym'),
};
