import { portRestricted } from '../gateways/port-restricted';
import type { Place } from '../place';

const common = { site: 'lan', families: [4], gateways: [portRestricted] } as const;

export const lan1: Place = { ...common, name: 'lan-1', about: 'behind the NAT of lan-2', host: 1 };
export const lan2: Place = { ...common, name: 'lan-2', about: 'behind the NAT of lan-1', host: 2 };
