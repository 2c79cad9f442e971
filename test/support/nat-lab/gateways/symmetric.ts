import { gatewayRules, type Gateway } from '../gateway';

export const symmetric: Gateway = {
  about: 'a NAT with a random outside port for every destination ("symmetric")',
  udp: { mapping: 'address and port-dependent', filtering: 'address and port-dependent' },
  rules: gatewayRules({ masquerade: 'masquerade fully-random' }),
};
