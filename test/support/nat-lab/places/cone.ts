import { cone as gateway } from '../gateways/cone';
import type { Place } from '../place';

export const cone: Place = { name: 'cone', about: 'behind a full cone NAT', families: [4], gateways: [gateway] };
