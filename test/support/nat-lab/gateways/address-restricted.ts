import { rememberingRules, type Gateway } from '../gateway';

export const addressRestricted: Gateway = {
  about: 'a NAT that keeps one outside port for an inside one, and lets in there who was sent to, from any port',
  udp: { mapping: 'endpoint-independent', filtering: 'address-dependent' },
  rules: rememberingRules('udp dport . ip saddr @sent'),
};
