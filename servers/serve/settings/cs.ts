/** Settings of `serve cs`. */
import * as v from 'valibot';
import { advertised, common, coordinator, endpoint, name, NEEDS_ADVERTISE, needsAdvertise, positive } from './fields';

const seconds = v.pipe(positive, v.maxValue(366 * 86_400, 'must be 31622400 (366 days) at most'));

export const cs = v.pipe(
  v.strictObject({
    ...common,
    ...{ name, listen: endpoint, advertise: v.optional(advertised), coordinator },
    limits: v.optional(
      v.strictObject({
        itemBytes: v.optional(v.pipe(positive, v.maxValue(2 ** 30, 'must be 1073741824 (1 GiB) at most'))),
        receiverItems: v.optional(positive),
        receiverBytes: v.optional(positive),
        senderItems: v.optional(positive),
        senderBytes: v.optional(positive),
        totalBytes: v.optional(positive),
      }),
      {},
    ),
    ttlSeconds: v.optional(seconds),
    maximumTtlSeconds: v.optional(seconds),
  }),
  v.forward(
    v.check((all) => !needsAdvertise(all), NEEDS_ADVERTISE),
    ['listen'],
  ),
);

/** What SIGHUP changes while it runs. */
export const liveCs = ['limits', 'ttlSeconds', 'maximumTtlSeconds'] as const;
