import { pairScenario } from '../../support/nat-lab/scenario';

export const scenario = pairScenario(
  'udp-blocked-to-open',
  'udp-blocked',
  'open',
  'No datagram passes: all goes to the relay by TCP.',
);
