import { portRestricted } from '../gateways/port-restricted';
import type { Place } from '../place';

/** Both hosts have 10.0.0.2 (paper, Figure 9). */
const common = { families: [4], gateways: [portRestricted], network: '10.0.0' } as const;

export const samePrivateA: Place = { ...common, name: 'same-private-a', about: 'has 10.0.0.2 behind its NAT' };
export const samePrivateB: Place = { ...common, name: 'same-private-b', about: 'has 10.0.0.2 behind another NAT' };
