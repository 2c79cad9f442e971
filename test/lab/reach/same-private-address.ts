import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'same-private-address',
  'same-private-a',
  'same-private-b',
  'Both hosts have the same private address, behind different NATs (paper, Figure 9).',
);
