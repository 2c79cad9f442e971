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
  tls,
} from './fields';

export const rs = v.pipe(
  v.strictObject({
    ...common,
    ...{ name, listen: endpoints, advertise: v.optional(advertisedEndpoints), coordinator, tls: v.optional(tls) },
    /**
     * Processes that forward, on one port; default: one for each core. The first does everything as long as it can,
     * the others read only while it and those before them are busy, for datagrams may overtake each other then.
     */
    workers: v.optional(v.pipe(positive, v.maxValue(64, 'must be 64 at most'))),
    limits: v.optional(
      v.strictObject({
        /** At the same time; default 10,000. */
        paths: v.optional(positive),
        /** Of one path, both directions together; default 12,500,000 (100 Mbit/s). */
        bytesPerSecond: v.optional(positive),
        /** Of all paths on one account, in a day; default: no limit. */
        quotaBytes: v.optional(positive),
        /** What it is meant to carry: it reports its load by these; default 62,500,000 bytes, any number of packets. */
        capacityBytesPerSecond: v.optional(positive),
        capacityPacketsPerSecond: v.optional(positive),
      }),
      {},
    ),
    /** On SIGTERM its nodes may take so long to move to another relay server; it ends as soon as all have. */
    drainSeconds: v.optional(v.pipe(positive, v.maxValue(600, 'must be 600 at most')), 30),
  }),
  v.forward(
    v.check((all) => !needsAdvertise(all), NEEDS_ADVERTISE),
    ['listen'],
  ),
);

/** What SIGHUP changes while it runs. */
export const liveRs = ['limits', 'drainSeconds'] as const;
