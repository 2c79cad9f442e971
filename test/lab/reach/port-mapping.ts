import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'port-mapping',
  'symmetric',
  'mapped',
  'Neither knows the next outside port of the other, but one of the NATs maps a port to who asks for one.',
);
