import { scenarioOf } from '../../support/nat-lab/scenario';
import { strictCustomer1, strictCustomer2 } from '../../support/nat-lab/places/customers';

export const scenario = scenarioOf(
  'strict-carrier',
  { from: strictCustomer1, to: strictCustomer2 },
  'Two homes behind one carrier NAT that does not hairpin: the relay is all there is.',
);
