/**
 * The three push services on this host, as strict as the real ones: each checks every header, signature and content by
 * itself, with nothing but node:crypto, and answers what it finds wrong. A test says what they answer to what is right.
 */
import assert from 'node:assert/strict';
import { createDecipheriv, createECDH, createPublicKey, hkdfSync, verify, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2';
import type { IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';

export interface Certificate {
  readonly key: string;
  readonly cert: string;
}

export interface PushAnswer {
  readonly status: number;
  readonly body?: object;
  readonly retryAfter?: string;
}

interface Jwt {
  readonly header: any;
  readonly claims: any;
}

/** RFC 7515 section 5.2; throws when it is not signed by this key. */
export function verifiedJwt(token: string, alg: 'ES256' | 'RS256', key: KeyObject): Jwt {
  const [header, claims, signature, ...more] = token.split('.');
  assert(header && claims && signature && more.length === 0, 'three parts');
  const signed = Buffer.from(`${header}.${claims}`);
  const how = alg === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : key;
  assert(verify('sha256', signed, how, Buffer.from(signature, 'base64url')), 'signature');
  const decoded = (part: string): any => JSON.parse(Buffer.from(part, 'base64url').toString());
  assert.equal(decoded(header).alg, alg);
  return { header: decoded(header), claims: decoded(claims) };
}

abstract class PushServer {
  /** Device tokens of the messages that were right. */
  readonly messages: string[] = [];
  /** What was wrong with the others. */
  readonly complaints: string[] = [];
  /** To the next ones that are right; then they are accepted. */
  answers: (PushAnswer | 'break')[] = [];

  private readonly waiting: (() => void)[] = [];
  protected abstract readonly server: Server | Http2SecureServer;

  async listen(): Promise<void> {
    this.server.listen(0, 'localhost');
    await once(this.server, 'listening');
  }

  /** Resolves when so many messages were right. */
  async received(count: number): Promise<void> {
    while (this.messages.length < count) await new Promise<void>((resolve) => this.waiting.push(resolve));
  }

  get origin(): string {
    return `https://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.close();
    if ('closeAllConnections' in this.server) this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  protected check(what: () => string): string | undefined {
    try {
      const token = what();
      this.messages.push(token);
      for (const resolve of this.waiting.splice(0)) resolve();
      return token;
    } catch (error) {
      this.complaints.push((error as Error).message);
      return undefined;
    }
  }
}

export class ApnsServer extends PushServer {
  /** Provider tokens in the order in which they first came. */
  readonly providerTokens: string[] = [];
  sessions = 0;
  protected readonly server: Http2SecureServer;
  private readonly live = new Set<{ goaway(): void; destroy(): void }>();

  constructor(
    certificate: Certificate,
    private readonly expected: { keyId: string; teamId: string; topic: string; publicKey: KeyObject; pushType: string },
    private readonly now: () => number,
  ) {
    super();
    this.server = createSecureServer(certificate);
    this.server.on('session', (session) => {
      this.sessions++;
      this.live.add(session);
      session.on('close', () => this.live.delete(session));
      session.on('error', () => {});
    });
    this.server.on('stream', (stream, headers) => {
      let body = '';
      stream.on('error', () => {});
      stream.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      stream.on('end', () => this.answer(stream, headers, body));
    });
  }

  /** As APNs does now and then. */
  goAway(): void {
    for (const session of this.live) session.goaway();
  }

  override async close(): Promise<void> {
    for (const session of this.live) session.destroy();
    await super.close();
  }

  private answer(stream: ServerHttp2Stream, headers: Record<string, unknown>, body: string): void {
    const token = this.check(() => this.verified(headers, body));
    const answer =
      token === undefined ? { status: 403, body: { reason: 'InvalidProviderToken' } } : this.answers.shift();
    if (answer === 'break') return stream.session?.destroy();
    const { status, body: json, retryAfter } = answer ?? { status: 200 };
    stream.respond({ ':status': status, ...(retryAfter !== undefined && { 'retry-after': retryAfter }) });
    stream.end(json && JSON.stringify(json));
  }

  private verified(headers: Record<string, unknown>, body: string): string {
    const { keyId, teamId, topic, publicKey, pushType } = this.expected;
    assert.equal(headers[':method'], 'POST');
    const device = /^\/3\/device\/([0-9a-f]{8,200})$/.exec(String(headers[':path']))?.[1];
    assert(device, 'path');
    const jwt = /^bearer (\S+)$/.exec(String(headers['authorization']))?.[1] ?? '';
    const { header, claims } = verifiedJwt(jwt, 'ES256', publicKey);
    assert.equal(header.kid, keyId);
    assert.equal(claims.iss, teamId);
    const ageSeconds = this.now() / 1_000 - claims.iat;
    assert(ageSeconds > -60 && ageSeconds < 3_600, 'iat');
    if (!this.providerTokens.includes(jwt)) this.providerTokens.push(jwt);
    assert.equal(headers['apns-topic'], topic);
    assert.equal(headers['apns-push-type'], pushType);
    assert.equal(headers['apns-priority'], pushType === 'background' ? '5' : '10');
    const lifeSeconds = Number(headers['apns-expiration']) - this.now() / 1_000;
    assert(lifeSeconds > 0 && lifeSeconds <= 60, 'apns-expiration');
    assert(String(headers['apns-collapse-id']).length <= 64, 'apns-collapse-id');
    assert.equal(JSON.parse(body).aps['content-available'], 1);
    assert(body.length <= 4_096, 'size');
    return device;
  }
}

abstract class HttpsPushServer extends PushServer {
  protected readonly server: Server;

  constructor(certificate: Certificate) {
    super();
    this.server = createServer(certificate, (request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        const answer = this.answerTo(request, Buffer.concat(pieces));
        if (answer === 'break') return request.socket.destroy();
        const { status, body, retryAfter } = answer;
        response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
        return response.end(body && JSON.stringify(body));
      });
    });
  }

  protected abstract answerTo(request: IncomingMessage, body: Buffer): PushAnswer | 'break';
}

/** OAuth 2.0 token endpoint (RFC 7523) and FCM in one. */
export class FcmServer extends HttpsPushServer {
  tokensGiven = 0;
  expiresInSeconds = 3_600;
  /** To the next question for a token. */
  tokenAnswers: (PushAnswer | 'break')[] = [];
  private accessToken = '';

  constructor(
    certificate: Certificate,
    private readonly expected: { project: string; email: string; keyId: string; publicKey: KeyObject },
    private readonly now: () => number,
  ) {
    super(certificate);
  }

  withdrawToken(): void {
    this.accessToken = '';
  }

  protected answerTo(request: IncomingMessage, body: Buffer): PushAnswer | 'break' {
    assert.equal(request.method, 'POST');
    return request.url === '/token' ? this.giveToken(request, body) : this.take(request, body);
  }

  private giveToken(request: IncomingMessage, body: Buffer): PushAnswer | 'break' {
    const scripted = this.tokenAnswers.shift();
    if (scripted) return scripted;
    try {
      assert.equal(request.headers['content-type'], 'application/x-www-form-urlencoded');
      const form = new URLSearchParams(body.toString());
      assert.equal(form.get('grant_type'), 'urn:ietf:params:oauth:grant-type:jwt-bearer');
      const { header, claims } = verifiedJwt(form.get('assertion') ?? '', 'RS256', this.expected.publicKey);
      assert.equal(header.kid, this.expected.keyId);
      assert.equal(claims.iss, this.expected.email);
      assert.equal(claims.aud, `${this.origin}/token`);
      assert.equal(claims.scope, 'https://www.googleapis.com/auth/firebase.messaging');
      assert(claims.exp - claims.iat <= 3_600 && Math.abs(claims.iat - this.now() / 1_000) < 60, 'times');
    } catch (error) {
      this.complaints.push((error as Error).message);
      return { status: 400, body: { error: 'invalid_grant' } };
    }
    this.accessToken = `access-${++this.tokensGiven}`;
    const { accessToken: access_token, expiresInSeconds: expires_in } = this;
    return { status: 200, body: { access_token, expires_in, token_type: 'Bearer' } };
  }

  private take(request: IncomingMessage, body: Buffer): PushAnswer | 'break' {
    if (this.accessToken === '' || request.headers.authorization !== `Bearer ${this.accessToken}`) {
      return { status: 401, body: { error: { status: 'UNAUTHENTICATED' } } };
    }
    const token = this.check(() => {
      assert.equal(request.url, `/v1/projects/${this.expected.project}/messages:send`);
      assert.equal(request.headers['content-type'], 'application/json');
      const { message, ...more } = JSON.parse(body.toString());
      assert.deepEqual(more, {});
      assert.deepEqual(Object.keys(message).sort(), ['android', 'data', 'token']);
      for (const value of Object.values(message.data)) assert.equal(typeof value, 'string');
      assert.equal(message.android.priority, 'HIGH');
      assert.match(message.android.ttl, /^\d+s$/);
      return message.token;
    });
    if (token === undefined) return { status: 400, body: { error: { status: 'INVALID_ARGUMENT' } } };
    return this.answers.shift() ?? { status: 200, body: { name: `projects/${this.expected.project}/messages/1` } };
  }
}

export class WebPushServer extends HttpsPushServer {
  /** What the browser read. */
  readonly contents: string[] = [];
  private readonly browser = createECDH('prime256v1');
  private readonly auth = Buffer.alloc(16, 0xa7);

  constructor(
    certificate: Certificate,
    private readonly vapidPublicKey: string,
    private readonly subject: string,
  ) {
    super(certificate);
    this.browser.generateKeys();
  }

  /** As the browser's PushSubscription.toJSON() gives it. */
  get subscription(): { endpoint: string; keys: { p256dh: string; auth: string } } {
    const keys = { p256dh: this.browser.getPublicKey('base64url'), auth: this.auth.toString('base64url') };
    return { endpoint: `${this.origin}/push/device-1`, keys };
  }

  protected answerTo(request: IncomingMessage, body: Buffer): PushAnswer | 'break' {
    const token = this.check(() => {
      const { headers } = request;
      assert.equal(request.method, 'POST');
      const device = /^\/push\/([\w-]+)$/.exec(request.url ?? '')?.[1];
      assert(device, 'path');
      assert.match(String(headers['ttl']), /^\d+$/); // RFC 8030 section 5.2
      assert.equal(headers['urgency'], 'high');
      assert.match(String(headers['topic']), /^[\w-]{1,32}$/);
      assert.equal(headers['content-encoding'], 'aes128gcm');
      const { t, k } = /^vapid t=(?<t>[^,\s]+), ?k=(?<k>\S+)$/.exec(headers.authorization ?? '')?.groups ?? {};
      assert.equal(k, this.vapidPublicKey);
      const { claims } = verifiedJwt(t ?? '', 'ES256', publicKeyOf(k ?? ''));
      assert.equal(claims.aud, this.origin);
      assert.equal(claims.sub, this.subject);
      const lifeSeconds = claims.exp - Date.now() / 1_000;
      assert(lifeSeconds > 0 && lifeSeconds <= 24 * 3_600, 'exp'); // RFC 8292 section 2
      this.contents.push(this.decrypted(body));
      return device;
    });
    return token === undefined ? { status: 403 } : (this.answers.shift() ?? { status: 201 });
  }

  /** RFC 8188 section 2, keyed as RFC 8291 section 3.4 says. One record. */
  private decrypted(body: Buffer): string {
    const [salt, recordSize, idLength] = [body.subarray(0, 16), body.readUInt32BE(16), body.readUInt8(20)];
    const senderKey = body.subarray(21, 21 + idLength);
    const record = body.subarray(21 + idLength);
    assert(idLength === 65 && record.length <= recordSize, 'header');
    const secret = this.browser.computeSecret(senderKey);
    const info = Buffer.concat([Buffer.from('WebPush: info\0'), this.browser.getPublicKey(), senderKey]);
    const ikm = Buffer.from(hkdfSync('sha256', secret, this.auth, info, 32));
    const derive = (what: string, length: number): Buffer =>
      Buffer.from(hkdfSync('sha256', ikm, salt, Buffer.from(`Content-Encoding: ${what}\0`), length));
    const decipher = createDecipheriv('aes-128-gcm', derive('aes128gcm', 16), derive('nonce', 12));
    decipher.setAuthTag(record.subarray(-16));
    const plain = Buffer.concat([decipher.update(record.subarray(0, -16)), decipher.final()]);
    const end = plain.lastIndexOf(2); // the delimiter of the last record
    assert(end >= 0 && plain.subarray(end + 1).every((byte) => byte === 0), 'padding');
    return plain.subarray(0, end).toString();
  }
}

/** An uncompressed point of P-256, base64url. */
function publicKeyOf(point: string): KeyObject {
  const bytes = Buffer.from(point, 'base64url');
  const [x, y] = [bytes.subarray(1, 33).toString('base64url'), bytes.subarray(33).toString('base64url')];
  return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
}
