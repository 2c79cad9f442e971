/** `NTMOBILE_PUSH`: where push messages reach this device, so that the NS can wake a node that has no connection. */
import { NtmError } from './errors';
import type { PushAddress } from './negotiation/notification-client';

export type { PushAddress } from './negotiation/notification-client';

const FORMS = '`fcm:TOKEN`, `apns:TOKEN` or `webpush:SUBSCRIPTION`';
/** As in the message; a Web Push subscription of today's browsers takes about 400. */
const TOKEN_LIMIT = 900;

/** Throws NtmError NTM_CONFIG; the message does not show the token. */
export function parsePushAddress(value: string): PushAddress {
  const colon = value.indexOf(':');
  const [kind, token] = [value.slice(0, colon), value.slice(colon + 1)];
  switch (kind) {
    case 'fcm':
      return { kind, token: checked(token, /^[\w:-]+$/, 'an FCM registration token') };
    case 'apns':
      return { kind, token: checked(token, /^[0-9a-f]+$/i, 'an APNs device token in hexadecimal') };
    case 'webpush':
      return { kind: 'webPush', token: checked(subscription(token), /^\{/, 'a subscription') };
    default:
      throw wrong(`must be ${FORMS}`);
  }
}

function checked(token: string, shape: RegExp, what: string): string {
  if (!shape.test(token)) throw wrong(`is not ${what}`);
  if (token.length > TOKEN_LIMIT) throw wrong(`is longer than ${TOKEN_LIMIT} letters`);
  return token;
}

/** As PushSubscription.toJSON gives it (W3C Push API), in base64url; only what the NS needs of it. */
function subscription(encoded: string): string {
  const shape = 'is no subscription: base64url of JSON { "endpoint": "https://...", "keys": { "p256dh", "auth" } }';
  try {
    const { endpoint, keys } = JSON.parse(Buffer.from(encoded, 'base64url').toString('utf8'));
    if (!/^https:\/\//.test(endpoint) || typeof keys.p256dh !== 'string' || typeof keys.auth !== 'string') {
      throw wrong(shape);
    }
    return JSON.stringify({ endpoint, keys: { p256dh: keys.p256dh, auth: keys.auth } });
  } catch {
    throw wrong(shape);
  }
}

function wrong(what: string): NtmError {
  return new NtmError('NTM_CONFIG', `NTMOBILE_PUSH ${what}`);
}
