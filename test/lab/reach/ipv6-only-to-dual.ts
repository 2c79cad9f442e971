import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario('ipv6-only-to-dual', 'ipv6-only', 'dual', 'IPv6 is all that they have in common.');
