import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'host-firewalls',
  'firewalled',
  'port-restricted',
  'A host firewall is a NAT that maps nothing.',
);
