import { rememberingRules, type Gateway } from '../gateway';

export const cone: Gateway = {
  about: 'a NAT that keeps one outside port for an inside one, and lets everybody in there ("full cone")',
  udp: { mapping: 'endpoint-independent', filtering: 'endpoint-independent' },
  rules: rememberingRules(''),
};
