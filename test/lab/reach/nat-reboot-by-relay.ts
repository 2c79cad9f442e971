/** As nat-reboot.ts, of a tunnel through an RS: the path there must be bound again from the new outside port. */
import { portRestrictedAnew } from '../../support/nat-lab/gateways/port-restricted';
import { placeOf } from '../../support/nat-lab/places';
import { disturbedScenario } from '../../support/nat-lab/disturbed';

export const scenario = disturbedScenario({
  name: 'nat-reboot-by-relay',
  about: 'The NAT of the one that dials is rebooted during a transfer through a relay server.',
  from: placeOf('port-restricted'),
  to: placeOf('open'),
  expected: 'relay',
  env: { NTMOBILE_ROUTE: 'relay' },
  async disturb(lab, at, say) {
    say('the gateway is rebooted, and maps to other ports from now on');
    await lab.reboot(at, portRestrictedAnew);
  },
});
