/** Settings of `serve rs`. */
import * as v from 'valibot';
import {
  advertisedEndpoints,
  common,
  coordinator,
  endpoints,
  name,
  NEEDS_ADVERTISE,
  needsAdvertise,
  positive,
} from './fields';

export const rs = v.pipe(
  v.strictObject({
    ...common,
    ...{ name, listen: endpoints, advertise: v.optional(advertisedEndpoints), coordinator },
    limits: v.optional(
      v.strictObject({
        paths: v.optional(positive),
        bytesPerSecond: v.optional(positive),
        quotaBytes: v.optional(positive),
        capacityBytesPerSecond: v.optional(positive),
      }),
      {},
    ),
    drainSeconds: v.optional(v.pipe(positive, v.maxValue(600, 'must be 600 at most')), 30),
  }),
  v.forward(
    v.check((all) => !needsAdvertise(all), NEEDS_ADVERTISE),
    ['listen'],
  ),
);

/** What SIGHUP changes while it runs. */
export const liveRs = ['limits', 'drainSeconds'] as const;
