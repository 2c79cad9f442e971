/**
 * Tunnel Requests that came before their introduction: CN's may overtake the Route Direction that tells us of CN.
 * They are authentic as to their key, but nobody vouches for it yet; nothing is answered until the DC does.
 */
import type { Clock } from '../runtime';
import { sameEndpoint } from '../wire/addresses';
import type { Path } from './path';
import type { OpenedInitiation } from './wireguard/noise';

const LIMIT = 16;
const LIFETIME_MS = 3_000;

export interface HeldRequest {
  readonly initiation: OpenedInitiation;
  readonly remoteIndex: number;
  readonly from: Path;
}

export class HeldRequests {
  private held: (HeldRequest & { readonly expiresMs: number })[] = [];

  constructor(private readonly clock: Clock) {}

  /** The newest of a source counts; the oldest of all gives way. */
  hold(request: HeldRequest): void {
    const others = this.held.filter(({ from }) => !sameEndpoint(from.endpoint, request.from.endpoint));
    this.held = [...others, { ...request, expiresMs: this.clock.now() + LIFETIME_MS }].slice(-LIMIT);
  }

  take(publicKey: Uint8Array): HeldRequest | undefined {
    const now = this.clock.now();
    this.held = this.held.filter(({ expiresMs }) => now < expiresMs);
    const found = this.held.find(({ initiation }) => Buffer.compare(initiation.peerStatic, publicKey) === 0);
    if (found) this.held = this.held.filter((request) => request !== found);
    return found;
  }

  clear(): void {
    for (const { initiation } of this.held) initiation.c.fill(0);
    this.held = [];
  }
}
