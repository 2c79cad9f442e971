import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'carrier-nat',
  'same-private-a',
  'carrier',
  'The correspondent is behind two NATs, one after the other (paper, Figure 10).',
);
