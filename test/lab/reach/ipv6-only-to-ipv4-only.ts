import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'ipv6-only-to-ipv4-only',
  'ipv6-only',
  'ipv4-only',
  'No IP version in common: an RS that has both is in between.',
);
