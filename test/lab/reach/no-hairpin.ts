import { scenarioOf } from '../../support/nat-lab/scenario';
import { strictGuest1, strictGuest2 } from '../../support/nat-lab/places/guests';

export const scenario = scenarioOf(
  'no-hairpin',
  { from: strictGuest1, to: strictGuest2 },
  'Two isolated hosts behind one NAT that does not hairpin: the relay is all there is.',
);
