import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario('cone-to-cone', 'cone', 'cone', 'Two full cone NATs: either side may send first.');
