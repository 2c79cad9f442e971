/** Settings of `serve ns`. */
import * as v from 'valibot';
import {
  advertised,
  common,
  coordinator,
  endpoint,
  name,
  NEEDS_ADVERTISE,
  needsAdvertise,
  positive,
  text,
} from './fields';

const httpsUrl = v.pipe(
  text,
  v.regex(/^https:\/\/[^/\s]+$/, 'must be "https://HOST", with a port perhaps, and no path'),
);
const appleId = (what: string) =>
  v.pipe(text, v.regex(/^[A-Z0-9]{10}$/, `must be ${what}: 10 capital letters and digits`));
/** PEM of an authority to trust instead of the usual ones. */
const ca = { caFile: v.optional(text) };

/** The push services that this NS has accounts at. */
const push = v.strictObject({
  apns: v.optional(
    v.strictObject({
      ...{ ...ca, keyFile: text, topic: text },
      keyId: appleId("the key's id, as in AuthKey_ID.p8"),
      teamId: appleId('the team id of developer.apple.com/account'),
      pushType: v.optional(
        v.picklist(['background', 'alert', 'voip'], 'must be background, alert or voip'),
        'background',
      ),
      endpoint: v.optional(httpsUrl, 'https://api.push.apple.com'),
    }),
  ),
  fcm: v.optional(
    v.strictObject({ ...ca, serviceAccountFile: text, endpoint: v.optional(httpsUrl, 'https://fcm.googleapis.com') }),
  ),
  webPush: v.optional(
    v.strictObject({
      ...{ ...ca, keyFile: text },
      subject: v.pipe(
        text,
        v.regex(/^(mailto:|https:\/\/)./, 'must be whom push services may ask: "mailto:..." or "https://..."'),
      ),
      hosts: v.optional(v.array(text)),
    }),
  ),
});

export const ns = v.pipe(
  v.strictObject({
    ...{ ...common, name, listen: endpoint, advertise: v.optional(advertised), coordinator },
    limits: v.optional(v.strictObject({ connections: v.optional(positive), perSource: v.optional(positive) }), {}),
    push: v.optional(push, {}),
    drainSeconds: v.optional(v.pipe(positive, v.maxValue(600, 'must be 600 at most')), 30),
  }),
  v.forward(
    v.check((all) => !needsAdvertise(all), NEEDS_ADVERTISE),
    ['listen'],
  ),
);

/** What SIGHUP changes while it runs. */
export const liveNs = ['limits', 'drainSeconds'] as const;
