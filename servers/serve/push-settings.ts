/** The push services of an NS, from the files that its settings name. What is wrong with one is said with its cure. */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as v from 'valibot';
import { NtmError } from '../../core/errors';
import type { Clock } from '../../core/runtime';
import { Apns } from '../notification/push/apns';
import { Fcm } from '../notification/push/fcm';
import type { PushServices } from '../notification/push/pusher';
import { USUAL_PUSH_HOSTS, WebPush } from '../notification/push/web-push';
import type { Settings } from './settings';

type PushSettings = Settings<'ns'>['push'];

const serviceAccount = v.object({
  project_id: v.string(),
  client_email: v.string(),
  private_key: v.string(),
  private_key_id: v.optional(v.string()),
  token_uri: v.pipe(v.string(), v.regex(/^https:\/\//)),
});
const vapidKeys = v.object({
  publicKey: v.pipe(v.string(), v.regex(/^[\w-]{87}=?$/)),
  privateKey: v.pipe(v.string(), v.regex(/^[\w-]{43}=?$/)),
});

/** Throws NtmError NTM_CONFIG; no message shows a key. */
export function pushServices({ apns, fcm, webPush }: PushSettings, clock: Clock): PushServices {
  return {
    ...(apns && { apns: new Apns({ ...apns, key: apnsKey(apns.keyFile), ca: ca(apns.caFile) }, clock) }),
    ...(fcm && { fcm: new Fcm({ ...fcm, account: fcmAccount(fcm.serviceAccountFile), ca: ca(fcm.caFile) }, clock) }),
    ...(webPush && {
      webPush: new WebPush(
        { ...webPush, ...vapid(webPush.keyFile), hosts: webPush.hosts ?? USUAL_PUSH_HOSTS, ca: ca(webPush.caFile) },
        clock,
      ),
    }),
  };
}

function apnsKey(path: string): string {
  const pem = read(path, 'push.apns.keyFile');
  if (curveOf(pem) === 'prime256v1') return pem;
  throw wrong('push.apns.keyFile', path, 'holds no P-256 key: use the AuthKey_....p8 file as Apple gave it');
}

function fcmAccount(path: string): v.InferOutput<typeof serviceAccount> {
  const setting = 'push.fcm.serviceAccountFile';
  const account = parsed(serviceAccount, read(path, setting));
  if (account) return account;
  const cure =
    'use the JSON file that the Firebase console makes: Project settings, Service accounts, Generate new key';
  throw wrong(setting, path, `is no service account; ${cure}`);
}

function vapid(path: string): v.InferOutput<typeof vapidKeys> {
  const setting = 'push.webPush.keyFile';
  const keys = parsed(vapidKeys, read(path, setting));
  if (keys) return keys;
  throw wrong(setting, path, 'holds no VAPID keys; make some by "npx web-push generate-vapid-keys --json"');
}

function ca(path: string | undefined): string | undefined {
  return path === undefined ? undefined : read(path, 'caFile');
}

function curveOf(pem: string): string | undefined {
  try {
    return createPrivateKey(pem).asymmetricKeyDetails?.namedCurve;
  } catch {
    return undefined;
  }
}

function parsed<S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S> | undefined {
  try {
    const result = v.safeParse(schema, JSON.parse(text));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}

function read(path: string, setting: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw wrong(setting, path, `cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function wrong(setting: string, path: string, what: string): NtmError {
  return new NtmError('NTM_CONFIG', `"${setting}": ${path} ${what}`);
}
