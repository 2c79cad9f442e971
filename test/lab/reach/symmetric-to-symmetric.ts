import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'symmetric-to-symmetric',
  'symmetric',
  'symmetric',
  'Neither knows the next outside port of the other: the relay is all there is.',
);
