import { gatewayRules, type Gateway } from '../gateway';

/** 443, and where the AS and the DC of the lab are. */
const PORTS = '443, 4500, 4501';

export const udpBlocked: Gateway = {
  about: `a NAT and firewall that lets nothing out but TCP to the ports ${PORTS}`,
  udp: undefined,
  rules: gatewayRules({
    forward: [`iifname "inside" tcp dport != { ${PORTS} } drop`, 'iifname "inside" meta l4proto != tcp drop'],
  }),
};
