import { gatewayRules, type Gateway } from '../gateway';

export const portRestricted: Gateway = {
  about: 'a NAT that keeps one outside port for an inside one, and lets in there only whom was sent to: most homes',
  udp: { mapping: 'endpoint-independent', filtering: 'address and port-dependent' },
  rules: gatewayRules(),
};

/** After a reboot: other outside ports than before. Linux takes the same one for the same inside port again. */
export const portRestrictedAnew: Gateway = {
  ...portRestricted,
  rules: gatewayRules({ masquerade: 'meta l4proto { tcp, udp } masquerade to :10000-19999' }),
};
