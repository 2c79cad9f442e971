import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'symmetric-to-port-restricted',
  'symmetric',
  'port-restricted',
  'Nobody knows the next outside port of the one, and the other lets in only whom it sent to.',
);
