/**
 * Firebase Cloud Messaging, HTTP v1 (https://firebase.google.com/docs/cloud-messaging/send/v1-api), with a service
 * account: a JWT (RS256) is exchanged for an access token at Google's OAuth 2.0 endpoint (RFC 7523).
 *
 * Two POSTs and `jose`: google-auth-library brings ten times that for ways to log in that a server does not have.
 */
import { importPKCS8, SignJWT } from 'jose';
import type { Clock } from '../../../core/runtime';
import { HttpsPoster, parsed, retryAfterMs, type Answer } from './https-post';
import { WORTH_MS, type PushOutcome, type PushService } from './pusher';

const SCOPE = 'https://www.googleapis.com/auth/firebase.messaging';
const ASSERTION_SECONDS = 3_600;
/** An access token is renewed so long before it ends. */
const RENEW_BEFORE_MS = 5 * 60_000;

export interface ServiceAccount {
  readonly project_id: string;
  readonly client_email: string;
  /** PEM. */
  readonly private_key: string;
  readonly private_key_id?: string | undefined;
  readonly token_uri: string;
}

export interface FcmOptions {
  /** `https://fcm.googleapis.com`, or that of a test. */
  readonly endpoint: string;
  readonly account: ServiceAccount;
  readonly ca?: string | undefined;
}

interface AccessToken {
  readonly value: string;
  readonly untilMs: number;
}

export class Fcm implements PushService {
  private readonly https: HttpsPoster;
  private token: Promise<AccessToken | PushOutcome> | undefined;

  constructor(
    private readonly options: FcmOptions,
    private readonly clock: Clock,
  ) {
    this.https = new HttpsPoster(options.ca);
  }

  async send(registrationToken: string): Promise<PushOutcome> {
    const token = await this.accessToken();
    if ('kind' in token) return token;
    const answer = await this.post(registrationToken, token.value);
    if (answer.status !== 401) return this.outcome(answer);
    // Withdrawn before its time: once more with another.
    this.token = undefined;
    const another = await this.accessToken();
    return 'kind' in another ? another : this.outcome(await this.post(registrationToken, another.value));
  }

  close(): void {
    this.https.close();
  }

  private post(token: string, accessToken: string): Promise<Answer> {
    const { endpoint, account } = this.options;
    const android = { priority: 'HIGH', ttl: `${WORTH_MS / 1_000}s`, collapse_key: 'ntmobile-wake' };
    return this.https.post(
      `${endpoint}/v1/projects/${account.project_id}/messages:send`,
      { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json' },
      JSON.stringify({ message: { token, data: { ntmobile: 'wake' }, android } }),
    );
  }

  /** One for all messages; those who come while it is asked for wait for the same. */
  private async accessToken(): Promise<AccessToken | PushOutcome> {
    const asked = (this.token ??= this.askForToken());
    const token = await asked;
    if (!('kind' in token) && token.untilMs > this.clock.wallTimeMs()) return token;
    if (this.token === asked) this.token = undefined;
    return 'kind' in token ? token : this.accessToken();
  }

  private async askForToken(): Promise<AccessToken | PushOutcome> {
    const { client_email, private_key, private_key_id, token_uri } = this.options.account;
    const seconds = Math.floor(this.clock.wallTimeMs() / 1_000);
    let assertion: string;
    try {
      assertion = await new SignJWT({ scope: SCOPE })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', ...(private_key_id !== undefined && { kid: private_key_id }) })
        .setIssuer(client_email)
        .setAudience(token_uri)
        .setIssuedAt(seconds)
        .setExpirationTime(seconds + ASSERTION_SECONDS)
        .sign(await importPKCS8(private_key, 'RS256'));
    } catch {
      return { kind: 'refused', reason: "FCM: the service account's private_key is no RSA key in PKCS #8" };
    }
    const form = new URLSearchParams({ grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer', assertion });
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await this.https.post(token_uri, headers, form.toString());
    const { access_token, expires_in, error } = parsed(answer.text);
    if (answer.status === 200 && typeof access_token === 'string' && typeof expires_in === 'number') {
      const lifeMs = Math.max(expires_in * 1_000 - RENEW_BEFORE_MS, expires_in * 500);
      return { value: access_token, untilMs: this.clock.wallTimeMs() + lifeMs };
    }
    const reason =
      `FCM: no access token: ${answer.status || answer.text} ${typeof error === 'string' ? error : ''}`.trim();
    return answer.status === 400 || answer.status === 401 ? { kind: 'refused', reason } : this.again(answer, reason);
  }

  private outcome(answer: Answer): PushOutcome {
    const { status, text } = answer;
    if (status === 200) return { kind: 'accepted' };
    const code = errorCode(text);
    const reason = `FCM: ${status || text} ${code}`.trim();
    if (status === 404 || code === 'UNREGISTERED' || code === 'SENDER_ID_MISMATCH') return { kind: 'dead', reason };
    if (status === 0 || status === 429 || status >= 500) return this.again(answer, reason);
    return { kind: 'refused', reason };
  }

  private again({ headers }: Answer, reason: string): PushOutcome {
    return { kind: 'retry', reason, afterMs: retryAfterMs(headers['retry-after'], this.clock.wallTimeMs()) };
  }
}

/** FcmError in google.rpc.Status, or the status itself. */
function errorCode(text: string): string {
  const { error } = parsed(text) as { error?: { status?: unknown; details?: unknown } };
  const details = Array.isArray(error?.details) ? (error.details as { errorCode?: unknown }[]) : [];
  const code = details.find((detail) => typeof detail?.errorCode === 'string')?.errorCode ?? error?.status;
  return typeof code === 'string' ? code : '';
}
