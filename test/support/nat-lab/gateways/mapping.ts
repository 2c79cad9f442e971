import { miniupnpdSettings } from '../../miniupnpd';
import { gatewayRules, type Gateway } from '../gateway';
import { labProgram } from '../nat-lab';

/** Filled by miniupnpd. */
const MAPPED = `
  table inet upnp {
    chain mapped { }
    chain mapped_in { }
    chain mapped_out { }
    chain arriving { type nat hook prerouting priority -100; jump mapped_in; }
  }`;

const settings = miniupnpdSettings({ outside: 'outside', table: 'upnp', network: '192.168.0.0/16' });

export const mapping: Gateway = {
  about: 'a NAT with a random outside port for every destination, which maps a port to who asks for one',
  udp: { mapping: 'address and port-dependent', filtering: 'address and port-dependent' },
  rules: gatewayRules({ masquerade: 'masquerade fully-random', letIn: ['ct status dnat accept'] }) + MAPPED,
  mapsPorts: true,
  programs: [[process.execPath, labProgram('miniupnpd.mjs'), settings]],
};
