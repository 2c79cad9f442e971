import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'hairpin',
  'guest-1',
  'guest-2',
  'Two hosts behind one NAT that reach each other only by their outside endpoints.',
);
