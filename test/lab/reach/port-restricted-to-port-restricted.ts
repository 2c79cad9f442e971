import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'port-restricted-to-port-restricted',
  'port-restricted',
  'port-restricted',
  'Two homes: each side must send to the other before it hears of it.',
);
