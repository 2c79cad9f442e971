/**
 * Apple's push service: the provider API over HTTP/2 with token authentication
 * (https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns).
 *
 *   POST /3/device/TOKEN on one kept connection; a JWT (ES256) for the team, renewed between 20 and 60 minutes of age
 *
 * Node's own http2 and `jose`, since the client libraries are larger than what is needed of them.
 */
import { connect, type ClientHttp2Session, type IncomingHttpHeaders, type IncomingHttpStatusHeader } from 'node:http2';
import { importPKCS8, SignJWT, type KeyLike } from 'jose';
import type { Clock } from '../../../core/runtime';
import { parsed, retryAfterMs } from './https-post';
import { WORTH_MS, type PushOutcome, type PushService } from './pusher';

/** APNs refuses tokens older than an hour, and whoever makes new ones more often than every 20 minutes. */
const TOKEN_AGE_MS = { least: 20 * 60_000, most: 45 * 60_000 };
const ANSWER_MS = 10_000;
const BODY_LIMIT = 4_096;

export interface ApnsOptions {
  /** `https://api.push.apple.com`, or that of the sandbox, or of a test. */
  readonly endpoint: string;
  /** PEM of the .p8 file. */
  readonly key: string;
  readonly keyId: string;
  readonly teamId: string;
  /** The app's bundle id (with `.voip` for that type). */
  readonly topic: string;
  readonly pushType: 'background' | 'alert' | 'voip';
  readonly ca?: string | undefined;
}

export class Apns implements PushService {
  private readonly key: Promise<KeyLike>;
  private session: ClientHttp2Session | undefined;
  private token: { readonly jwt: Promise<string>; readonly madeMs: number } | undefined;

  constructor(
    private readonly options: ApnsOptions,
    private readonly clock: Clock,
  ) {
    this.key = importPKCS8(options.key, 'ES256');
    this.key.catch(() => {}); // said with each message
  }

  async send(deviceToken: string): Promise<PushOutcome> {
    try {
      const first = await this.post(deviceToken);
      // The clocks may differ: once more with a token of now.
      if (first.reason !== 'ExpiredProviderToken' || !this.tokenMayBeRenewed()) return this.outcome(first);
      this.token = undefined;
      return this.outcome(await this.post(deviceToken));
    } catch (error) {
      return { kind: 'retry', reason: `APNs: ${(error as { code?: string }).code ?? (error as Error).message}` };
    }
  }

  close(): void {
    this.session?.destroy();
  }

  private async post(deviceToken: string): Promise<{ status: number; reason: string; headers: IncomingHttpHeaders }> {
    const { pushType, topic } = this.options;
    const authorization = `bearer ${await this.providerToken()}`;
    const aps =
      pushType === 'alert' ? { alert: { title: 'NTMobile', body: 'Somebody calls' } } : { 'content-available': 1 };
    const stream = this.connection().request({
      ':method': 'POST',
      ':path': `/3/device/${deviceToken}`,
      authorization,
      'apns-topic': topic,
      'apns-push-type': pushType,
      // 10 is not allowed for background notifications.
      'apns-priority': pushType === 'background' ? '5' : '10',
      'apns-expiration': String(Math.floor((this.clock.wallTimeMs() + WORTH_MS) / 1_000)),
      'apns-collapse-id': 'ntmobile-wake',
    });
    return new Promise((resolve, reject) => {
      let headers: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
      let text = '';
      stream.setEncoding('utf8');
      stream.setTimeout(ANSWER_MS, () => stream.close());
      stream.on('response', (received) => (headers = received));
      stream.on('data', (piece: string) => (text = (text + piece).slice(0, BODY_LIMIT)));
      stream.on('error', reject);
      stream.on('close', () => {
        const status = headers[':status'];
        if (status === undefined) return reject(new Error('no answer'));
        resolve({ status, reason: String(parsed(text)['reason'] ?? ''), headers });
      });
      stream.end(JSON.stringify({ aps, ntmobile: { wake: true } }));
    });
  }

  /** APNs wants few connections that are kept. One that ends, or says GOAWAY, is followed by another when needed. */
  private connection(): ClientHttp2Session {
    if (this.session && !this.session.closed && !this.session.destroyed) return this.session;
    const { endpoint, ca } = this.options;
    const session = connect(endpoint, ca === undefined ? {} : { ca });
    const forget = (): void => void (this.session === session && (this.session = undefined));
    session.on('goaway', forget);
    session.on('close', forget);
    session.on('error', forget); // those who wait on streams hear of it
    session.setTimeout(TOKEN_AGE_MS.most, () => session.close());
    session.unref();
    return (this.session = session);
  }

  private providerToken(): Promise<string> {
    const nowMs = this.clock.wallTimeMs();
    if (!this.token || Math.abs(nowMs - this.token.madeMs) > TOKEN_AGE_MS.most) {
      const { keyId, teamId } = this.options;
      const jwt = this.key.then((key) =>
        new SignJWT({ iss: teamId, iat: Math.floor(nowMs / 1_000) })
          .setProtectedHeader({ alg: 'ES256', kid: keyId })
          .sign(key),
      );
      this.token = { jwt, madeMs: nowMs };
    }
    return this.token.jwt;
  }

  private tokenMayBeRenewed(): boolean {
    return !this.token || Math.abs(this.clock.wallTimeMs() - this.token.madeMs) > TOKEN_AGE_MS.least;
  }

  private outcome({ status, reason, headers }: Awaited<ReturnType<Apns['post']>>): PushOutcome {
    const why = `APNs: ${status} ${reason}`.trim();
    if (status === 200) return { kind: 'accepted' };
    if (status === 410 || ['BadDeviceToken', 'DeviceTokenNotForTopic'].includes(reason)) {
      return { kind: 'dead', reason: why };
    }
    if (status === 429 || status >= 500) {
      return { kind: 'retry', reason: why, afterMs: retryAfterMs(headers['retry-after'], this.clock.wallTimeMs()) };
    }
    return { kind: 'refused', reason: why };
  }
}
