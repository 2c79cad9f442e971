import { gatewayRules, type Gateway } from '../gateway';

export const udpBlocked: Gateway = {
  about: 'a NAT and firewall that lets nothing out but TCP to port 443',
  udp: undefined,
  rules: gatewayRules({
    forward: ['iifname "inside" tcp dport != 443 drop', 'iifname "inside" meta l4proto != tcp drop'],
  }),
};
