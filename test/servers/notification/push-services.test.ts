import assert from 'node:assert/strict';
import { createECDH, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { nodeClock } from '../../../core/runtime-node';
import { Apns } from '../../../servers/notification/push/apns';
import type { PushService } from '../../../servers/notification/push/pusher';
import { pushServices } from '../../../servers/serve/push-settings';
import { writeCertificate } from '../../support/certificate';
import { ApnsServer, FcmServer, WebPushServer, type Certificate } from '../../support/push-servers';

const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pkcs8 = { type: 'pkcs8', format: 'pem' } as const;
const device = 'ab'.repeat(32);

describe('push services', () => {
  let dir: string;
  let certificate: Certificate;
  let caFile: string;
  /** The wall clock of the provider and of the services. */
  let wallMs: number;
  const clock = { now: () => nodeClock.now(), wallTimeMs: () => wallMs };
  const file = (name: string, text: string): string => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'ntmobile-push-'));
    const { keyFile, certFile } = await writeCertificate(dir, 'localhost');
    caFile = certFile;
    certificate = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') };
  });
  after(() => rmSync(dir, { recursive: true }));
  beforeEach(() => (wallMs = Date.now()));

  describe('APNs', () => {
    const identity = { keyId: 'ABCDE12345', teamId: 'TEAM123456', topic: 'org.example.app' };
    let server: ApnsServer;
    let apns: PushService;

    beforeEach(async () => {
      const expected = { ...identity, publicKey: ec.publicKey, pushType: 'background' };
      server = new ApnsServer(certificate, expected, () => wallMs);
      await server.listen();
      const keyFile = file('AuthKey.p8', ec.privateKey.export(pkcs8) as string);
      const settings = { ...identity, keyFile, caFile, pushType: 'background' as const, endpoint: server.origin };
      apns = pushServices({ apns: settings }, clock).apns!;
    });
    afterEach(async () => {
      apns.close();
      await server.close();
      assert.deepEqual(server.complaints, []);
    });

    it('messages, some at once -> each verified and accepted, on one connection with one token', async () => {
      assert.deepEqual(await apns.send(device), { kind: 'accepted' });
      await Promise.all(Array.from({ length: 20 }, () => apns.send(device)));
      assert.equal(server.messages.length, 21);
      assert.equal(server.sessions, 1);
      assert.equal(server.providerTokens.length, 1);
    });

    it('messages for two hours -> a new token each time that the last is between 20 and 60 minutes old', async () => {
      for (let minute = 0; minute < 120; minute += 5, wallMs += 5 * 60_000) await apns.send(device);
      assert.equal(server.messages.length, 24);
      assert.equal(server.providerTokens.length, 3);
    });

    it('the token has expired, by the clock of APNs -> once more with another; a young one is not renewed', async () => {
      await apns.send(device);
      wallMs += 21 * 60_000;
      server.answers = [{ status: 403, body: { reason: 'ExpiredProviderToken' } }];
      assert.deepEqual(await apns.send(device), { kind: 'accepted' });
      assert.equal(server.providerTokens.length, 2);
      server.answers = [{ status: 403, body: { reason: 'ExpiredProviderToken' } }];
      assert.deepEqual(await apns.send(device), { kind: 'refused', reason: 'APNs: 403 ExpiredProviderToken' });
      assert.equal(server.providerTokens.length, 2);
    });

    for (const [answer, kind] of [
      [{ status: 410, body: { reason: 'Unregistered', timestamp: 1 } }, 'dead'],
      [{ status: 400, body: { reason: 'BadDeviceToken' } }, 'dead'],
      [{ status: 400, body: { reason: 'DeviceTokenNotForTopic' } }, 'dead'],
      [{ status: 400, body: { reason: 'BadTopic' } }, 'refused'],
      [{ status: 429, body: { reason: 'TooManyRequests' } }, 'retry'],
      [{ status: 500, body: { reason: 'InternalServerError' } }, 'retry'],
      ['break', 'retry'],
    ] as const) {
      it(`answers ${answer === 'break' ? 'nothing, and the connection ends' : `${answer.status} ${answer.body.reason}`} -> ${kind}; then accepted`, async () => {
        server.answers = [answer];
        assert.equal((await apns.send(device)).kind, kind);
        assert.deepEqual(await apns.send(device), { kind: 'accepted' });
      });
    }

    it('unavailable for 30 s -> tried again then', async () => {
      server.answers = [{ status: 503, body: { reason: 'ServiceUnavailable' }, retryAfter: '30' }];
      const outcome = { kind: 'retry', reason: 'APNs: 503 ServiceUnavailable', afterMs: 30_000 };
      assert.deepEqual(await apns.send(device), outcome);
    });

    it('GOAWAY -> the next message goes over another connection', async () => {
      await apns.send(device);
      server.goAway();
      await new Promise((resolve) => setImmediate(resolve));
      for (let tries = 0; server.sessions < 2; tries++) {
        assert(tries < 100);
        await apns.send(device);
      }
    });

    it('another key than that of the team -> refused, and the reason holds no secret', async () => {
      const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(pkcs8) as string;
      const options = { ...identity, key: stranger, pushType: 'background' as const, endpoint: server.origin };
      const impostor = new Apns({ ...options, ca: certificate.cert }, clock);
      assert.deepEqual(await impostor.send(device), { kind: 'refused', reason: 'APNs: 403 InvalidProviderToken' });
      impostor.close();
      assert.deepEqual(server.complaints.splice(0), ['signature']);
    });

    it('a certificate that nobody vouches for -> not spoken to', async () => {
      const options = { ...identity, key: ec.privateKey.export(pkcs8) as string, pushType: 'background' as const };
      const trusting = new Apns({ ...options, endpoint: server.origin }, clock);
      assert.equal((await trusting.send(device)).kind, 'retry');
      trusting.close();
      assert.deepEqual(server.messages, []);
    });
  });

  describe('FCM', () => {
    let server: FcmServer;
    let fcm: PushService;

    beforeEach(async () => {
      const [project, email, keyId] = ['example-app', 'push@example-app.iam.gserviceaccount.com', 'key-1'];
      server = new FcmServer(certificate, { project, email, keyId, publicKey: rsa.publicKey }, () => wallMs);
      await server.listen();
      const account = {
        ...{ type: 'service_account', project_id: project, client_email: email, private_key_id: keyId },
        ...{ private_key: rsa.privateKey.export(pkcs8), token_uri: `${server.origin}/token` },
      };
      const serviceAccountFile = file('account.json', JSON.stringify(account));
      fcm = pushServices({ fcm: { serviceAccountFile, caFile, endpoint: server.origin } }, clock).fcm!;
    });
    afterEach(async () => {
      fcm.close();
      await server.close();
      assert.deepEqual(server.complaints, []);
    });

    it('messages at once -> one access token for all; after its hour -> another', async () => {
      await Promise.all(Array.from({ length: 20 }, (_, i) => fcm.send(`token-${i}`)));
      assert.equal(server.messages.length, 20);
      assert.equal(server.tokensGiven, 1);
      wallMs += 3_599_000;
      assert.deepEqual(await fcm.send('token'), { kind: 'accepted' });
      assert.equal(server.tokensGiven, 2);
    });

    it('the access token is withdrawn -> once more with another', async () => {
      await fcm.send('token');
      server.withdrawToken();
      assert.deepEqual(await fcm.send('token'), { kind: 'accepted' });
      assert.equal(server.tokensGiven, 2);
    });

    const details = (errorCode: string) => [
      { '@type': 'type.googleapis.com/google.firebase.fcm.v1.FcmError', errorCode },
    ];
    for (const [answer, kind] of [
      [{ status: 404, body: { error: { status: 'NOT_FOUND', details: details('UNREGISTERED') } } }, 'dead'],
      [{ status: 403, body: { error: { status: 'X', details: details('SENDER_ID_MISMATCH') } } }, 'dead'],
      [{ status: 400, body: { error: { status: 'INVALID_ARGUMENT' } } }, 'refused'],
      [{ status: 429, body: { error: { status: 'RESOURCE_EXHAUSTED' } }, retryAfter: '60' }, 'retry'],
      [{ status: 503, body: { error: { status: 'UNAVAILABLE' } } }, 'retry'],
    ] as const) {
      it(`answers ${answer.status} ${answer.body.error.status} -> ${kind}; then accepted`, async () => {
        server.answers = [answer];
        const outcome = await fcm.send('token');
        assert.equal(outcome.kind, kind);
        if (answer.status === 429) assert.equal(outcome.kind === 'retry' && outcome.afterMs, 60_000);
        assert.deepEqual(await fcm.send('token'), { kind: 'accepted' });
      });
    }

    it('no access token: the endpoint fails, breaks, refuses -> again, again, not again; nothing is sent', async () => {
      server.tokenAnswers = [{ status: 503 }, 'break', { status: 400, body: { error: 'invalid_grant' } }];
      assert.equal((await fcm.send('token')).kind, 'retry');
      assert.equal((await fcm.send('token')).kind, 'retry');
      assert.deepEqual(await fcm.send('token'), { kind: 'refused', reason: 'FCM: no access token: 400 invalid_grant' });
      assert.deepEqual(server.messages, []);
    });
  });

  describe('Web Push', () => {
    const subject = 'mailto:admin@ntm.test';
    let server: WebPushServer;
    let webPush: PushService;

    beforeEach(async () => {
      const vapid = createECDH('prime256v1');
      vapid.generateKeys();
      const publicKey = vapid.getPublicKey('base64url');
      const privateKey = Buffer.from(vapid.getPrivateKey('hex').padStart(64, '0'), 'hex').toString('base64url');
      server = new WebPushServer(certificate, publicKey, subject);
      await server.listen();
      const keyFile = file('vapid.json', JSON.stringify({ publicKey, privateKey }));
      const hosts = [new URL(server.origin).host];
      webPush = pushServices({ webPush: { keyFile, caFile, subject, hosts } }, clock).webPush!;
    });
    afterEach(async () => {
      webPush.close();
      await server.close();
      assert.deepEqual(server.complaints, []);
    });

    const subscription = (): string => JSON.stringify(server.subscription);

    it('a message -> VAPID verified, decrypted with the key of the subscription, read', async () => {
      assert.deepEqual(await webPush.send(subscription()), { kind: 'accepted' });
      assert.deepEqual(server.contents, ['{"ntmobile":"wake"}']);
    });

    for (const [status, kind] of [
      [404, 'dead'],
      [410, 'dead'],
      [413, 'refused'],
      [429, 'retry'],
      [502, 'retry'],
    ] as const) {
      it(`answers ${status} -> ${kind}; then accepted`, async () => {
        server.answers = [{ status, retryAfter: new Date(wallMs + 90_000).toUTCString() }];
        const outcome = await webPush.send(subscription());
        assert.equal(outcome.kind, kind);
        if (outcome.kind === 'retry') assert(outcome.afterMs! > 80_000 && outcome.afterMs! <= 90_000);
        assert.deepEqual(await webPush.send(subscription()), { kind: 'accepted' });
      });
    }

    it('a redirection -> not followed', async () => {
      server.answers = [{ status: 307 }];
      assert.equal((await webPush.send(subscription())).kind, 'refused');
    });

    for (const [what, change] of [
      ['a host that is not trusted', { endpoint: 'https://127.0.0.1:1/push/x' }],
      ['a host whose name ends like a trusted one', { endpoint: 'https://evil-TRUSTED/push/x' }],
      ['plain HTTP', { endpoint: 'http://localhost/push/x' }],
      ['no keys', { keys: {} }],
      ['a key that is no point', { keys: { p256dh: 'AAAA', auth: 'AAAA' } }],
    ] as const) {
      it(`a subscription with ${what} -> dead, and nobody is sent to`, async () => {
        const outcome = await webPush.send(
          JSON.stringify({ ...server.subscription, ...change }).replace('TRUSTED', new URL(server.origin).host),
        );
        assert.equal(outcome.kind, 'dead');
        assert.deepEqual(server.messages, []);
      });
    }
  });

  describe('settings', () => {
    for (const [what, text, message] of [
      ['no file', undefined, /"push.webPush.keyFile": .* cannot be read \(ENOENT\)/],
      ['no JSON', 'secret-words', /holds no VAPID keys; make some by "npx web-push generate-vapid-keys --json"/],
      ['keys of another length', '{"publicKey":"secret-words","privateKey":"secret-words"}', /holds no VAPID keys/],
    ] as const) {
      it(`VAPID keys: ${what} -> said with the cure, and without what is in the file`, () => {
        const keyFile = text === undefined ? join(dir, 'none') : file('wrong.json', text);
        const open = () => pushServices({ webPush: { keyFile, subject: 'mailto:a@b.test' } }, clock);
        assert.throws(open, (error: Error) => message.test(error.message) && !/secret-words/.test(error.message));
      });
    }

    it('an APNs key of another kind, a service account that is none -> said with the cure', () => {
      const keyFile = file('rsa.p8', rsa.privateKey.export(pkcs8) as string);
      const apns = {
        keyFile,
        keyId: 'A',
        teamId: 'T',
        topic: 't',
        pushType: 'background' as const,
        endpoint: 'https://x',
      };
      assert.throws(() => pushServices({ apns }, clock), /holds no P-256 key: use the AuthKey_/);
      const serviceAccountFile = file('no-account.json', '{"project_id":"x"}');
      const fcm = { serviceAccountFile, endpoint: 'https://x' };
      assert.throws(() => pushServices({ fcm }, clock), /is no service account; use the JSON file/);
    });
  });
});
