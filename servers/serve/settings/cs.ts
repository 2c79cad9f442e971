/** Settings of `serve cs`. */
import * as v from 'valibot';
import { advertised, common, coordinator, endpoint, name, NEEDS_ADVERTISE, needsAdvertise } from './fields';

export const cs = v.pipe(
  v.strictObject({ ...common, name, listen: endpoint, advertise: v.optional(advertised), coordinator }),
  v.forward(
    v.check((all) => !needsAdvertise(all), NEEDS_ADVERTISE),
    ['listen'],
  ),
);

/** What SIGHUP changes while it runs. */
export const liveCs = [] as const;
