import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'symmetric-to-cone',
  'symmetric',
  'cone',
  'Nobody knows the next outside port of the one, everybody gets in at the other.',
);
