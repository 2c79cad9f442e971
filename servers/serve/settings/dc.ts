/** Settings of `serve dc`. */
import * as v from 'valibot';
import {
  address,
  advertisedEndpoints,
  common,
  domain,
  endpoints,
  joinUrl,
  key,
  name,
  NEEDS_ADVERTISE,
  needsAdvertise,
  text,
  tls,
  zone,
} from './fields';

const server = v.strictObject({ kind: v.picklist(['ns', 'rs', 'cs'], 'must be ns, rs or cs'), name, key });

/** Besides dc.ZONE. `addresses`: of one whose name is in the zone. */
const nameServer = v.strictObject({ name: domain, addresses: v.optional(v.array(address), []) });

export const dc = v.pipe(
  v.strictObject({
    ...common,
    ...{ listen: endpoints, advertise: v.optional(advertisedEndpoints), zone, accountServer: joinUrl },
    tls: v.optional(tls),
    dns: v.optional(endpoints),
    nameServers: v.optional(v.array(nameServer, 'must be a list: [ ... ]'), []),
    servers: v.optional(
      v.pipe(
        v.array(server, 'must be a list: [ ... ]'),
        v.check((all) => new Set(all.map((each) => each.name)).size === all.length, 'has a name twice'),
      ),
      [],
    ),
    policy: v.optional(text),
    resolver: v.optional(v.array(text, "must be a list of name servers' addresses")),
  }),
  v.forward(
    v.check((all) => !needsAdvertise(all), NEEDS_ADVERTISE),
    ['listen'],
  ),
);

/** What SIGHUP changes while it runs. */
export const liveDc = ['servers'] as const;
