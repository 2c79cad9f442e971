import type { Gateway } from '../gateway';
import { portRestricted } from './port-restricted';

/** RFC 4787 REQ-5 forbids less than two minutes. */
const SECONDS = 5;

export const shortTimeout: Gateway = {
  ...portRestricted,
  about: `a NAT that forgets a mapping of UDP when nothing has passed for ${SECONDS} s`,
  settings: ['udp_timeout', 'udp_timeout_stream'].map((name) => `net.netfilter.nf_conntrack_${name}=${SECONDS}`),
};
