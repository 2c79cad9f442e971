import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'one-carrier',
  'customer-1',
  'customer-2',
  'Two homes behind one carrier NAT: their packets turn round there.',
);
