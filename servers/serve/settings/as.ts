/** Settings of `serve as`. */
import * as v from 'valibot';
import { MOST_NODES } from '../../account/address-blocks';
import {
  advertised,
  advertisedEndpoints,
  common,
  endpoints,
  key,
  NEEDS_ADVERTISE,
  needsAdvertise,
  positive,
  tls,
  zone,
} from './fields';

const nodes = v.pipe(positive, v.maxValue(MOST_NODES, `must be ${MOST_NODES} at most: there are no more addresses`));

export const as = v.pipe(
  v.strictObject({
    ...common,
    ...{ listen: endpoints, advertise: v.optional(advertisedEndpoints), zone, tls: v.optional(tls) },
    coordinators: v.pipe(
      v.array(
        v.strictObject({ zone, key, endpoint: v.optional(advertised), nodes: v.optional(nodes) }),
        'must be a list: [ ... ]',
      ),
      v.minLength(1, 'must name at least one coordinator'),
      v.check((all) => !all.some((a) => all.some((b) => b.zone.endsWith(`.${a.zone}`))), 'has a zone within another'),
      v.check((all) => new Set(all.map((each) => each.zone)).size === all.length, 'has a zone twice'),
    ),
  }),
  v.forward(
    v.check((all) => !needsAdvertise(all), NEEDS_ADVERTISE),
    ['listen'],
  ),
);

/** What SIGHUP changes while it runs. */
export const liveAs = ['coordinators'] as const;
