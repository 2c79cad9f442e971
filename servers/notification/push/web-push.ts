/**
 * Web Push (RFC 8030): the message is encrypted for the subscription (RFC 8188, RFC 8291) and the sender proves to be
 * the one that the subscription was made for (VAPID, RFC 8292); `web-push` does both.
 *
 * A node names the address itself, so only push services that the operator trusts are sent to: otherwise a node could
 * have this server call anything that it can reach.
 */
import { generateRequestDetails } from 'web-push';
import type { Clock } from '../../../core/runtime';
import { HttpsPoster, parsed, retryAfterMs } from './https-post';
import { WORTH_MS, type PushOutcome, type PushService } from './pusher';

/** Of the browsers; a subdomain of one is as good. */
export const USUAL_PUSH_HOSTS = [
  'fcm.googleapis.com',
  'push.services.mozilla.com',
  'notify.windows.com',
  'push.apple.com',
];

export interface WebPushOptions {
  /** VAPID, base64url. */
  readonly publicKey: string;
  readonly privateKey: string;
  /** `mailto:` or `https:`, whom the push service may ask. */
  readonly subject: string;
  /** Host names of push services, with their port where it is not 443. */
  readonly hosts: readonly string[];
  readonly ca?: string | undefined;
}

interface Subscription {
  readonly endpoint: string;
  readonly keys: { readonly p256dh: string; readonly auth: string };
}

export class WebPush implements PushService {
  private readonly https: HttpsPoster;

  constructor(
    private readonly options: WebPushOptions,
    private readonly clock: Clock,
  ) {
    this.https = new HttpsPoster(options.ca);
  }

  async send(token: string): Promise<PushOutcome> {
    const subscription = parsed(token) as Partial<Subscription>;
    if (!this.isTrusted(subscription.endpoint))
      return { kind: 'dead', reason: 'Web Push: no push service that we know' };
    const { publicKey, privateKey, subject } = this.options;
    let details: ReturnType<typeof generateRequestDetails>;
    try {
      details = generateRequestDetails(subscription as Subscription, JSON.stringify({ ntmobile: 'wake' }), {
        vapidDetails: { subject, publicKey, privateKey },
        TTL: WORTH_MS / 1_000,
        urgency: 'high',
        topic: 'ntmobile-wake',
      });
    } catch {
      return { kind: 'dead', reason: 'Web Push: the subscription has no usable keys' };
    }
    const headers = details.headers as Record<string, string | number>;
    const { status, text, headers: answered } = await this.https.post(details.endpoint, headers, details.body!);
    const reason = `Web Push: ${status || text}`;
    if (status >= 200 && status < 300) return { kind: 'accepted' };
    if (status === 404 || status === 410) return { kind: 'dead', reason };
    if (status === 0 || status === 429 || status >= 500) {
      return { kind: 'retry', reason, afterMs: retryAfterMs(answered['retry-after'], this.clock.wallTimeMs()) };
    }
    return { kind: 'refused', reason };
  }

  close(): void {
    this.https.close();
  }

  private isTrusted(endpoint: unknown): boolean {
    if (typeof endpoint !== 'string' || !URL.canParse(endpoint)) return false;
    const { protocol, host } = new URL(endpoint);
    return protocol === 'https:' && this.options.hosts.some((known) => host === known || host.endsWith(`.${known}`));
  }
}
