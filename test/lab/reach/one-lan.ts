import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'one-lan',
  'lan-1',
  'lan-2',
  'Two hosts behind one NAT: the way between them leads past it.',
);
