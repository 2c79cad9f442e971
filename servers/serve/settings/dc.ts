/** Settings of `serve dc`. */
import * as v from 'valibot';
import {
  advertised,
  common,
  endpoint,
  joinUrl,
  key,
  name,
  NEEDS_ADVERTISE,
  needsAdvertise,
  text,
  zone,
} from './fields';

const server = v.strictObject({ kind: v.picklist(['ns', 'rs', 'cs'], 'must be ns, rs or cs'), name, key });

export const dc = v.pipe(
  v.strictObject({
    ...common,
    ...{ listen: endpoint, advertise: v.optional(advertised), zone, accountServer: joinUrl },
    dns: v.optional(endpoint),
    servers: v.optional(
      v.pipe(
        v.array(server, 'must be a list: [ ... ]'),
        v.check((all) => new Set(all.map((each) => each.name)).size === all.length, 'has a name twice'),
      ),
      [],
    ),
    resolver: v.optional(v.array(text, "must be a list of name servers' addresses")),
  }),
  v.forward(
    v.check((all) => !needsAdvertise(all), NEEDS_ADVERTISE),
    ['listen'],
  ),
);

/** What SIGHUP changes while it runs. */
export const liveDc = ['servers'] as const;
