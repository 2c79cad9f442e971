import type { Gateway } from '../gateway';
import { cone } from './cone';

export const coneHairpin: Gateway = {
  ...cone,
  about: 'a full cone NAT whose hosts reach each other by their outside endpoints, too',
  hairpins: true,
};
