/** The gateway starts again in the middle of a transfer, with nothing remembered and other outside ports. */
import { portRestrictedAnew } from '../../support/nat-lab/gateways/port-restricted';
import { placeOf } from '../../support/nat-lab/places';
import { disturbedScenario } from '../../support/nat-lab/disturbed';

export const scenario = disturbedScenario({
  name: 'nat-reboot',
  about: 'The NAT of the one that dials is rebooted during a transfer, and has other ports afterwards.',
  from: placeOf('port-restricted'),
  to: placeOf('open'),
  expected: 'direct',
  async disturb(lab, at, say) {
    say('the gateway is rebooted, and maps to other ports from now on');
    await lab.reboot(at, portRestrictedAnew);
  },
});
