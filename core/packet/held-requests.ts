/**
 * Tunnel Requests that came before their introduction: CN's may overtake the Route Direction that tells us of CN.
 * They are authentic as to their key, but nobody vouches for it yet; nothing is answered until the DC does.
 */
import type { Clock } from '../runtime';
import { samePath, type Path } from './path';
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

  /** The newest of a key and of a path counts; the oldest of all gives way. */
  hold(request: HeldRequest): void {
    this.expire();
    const { peerStatic, timestamp } = request.initiation;
    const before = this.held.find((held) => isOf(held, peerStatic));
    if (before && Buffer.compare(before.initiation.timestamp, timestamp) >= 0) return; // replayed or overtaken
    const others = this.held.filter((held) => held !== before && !samePath(held.from, request.from));
    this.held = [...others, { ...request, expiresMs: this.clock.now() + LIFETIME_MS }].slice(-LIMIT);
  }

  take(publicKey: Uint8Array): HeldRequest | undefined {
    this.expire();
    const found = this.held.find((held) => isOf(held, publicKey));
    if (found) this.held = this.held.filter((request) => request !== found);
    return found;
  }

  clear(): void {
    for (const { initiation } of this.held) initiation.c.fill(0);
    this.held = [];
  }

  private expire(): void {
    const now = this.clock.now();
    this.held = this.held.filter(({ expiresMs }) => now < expiresMs);
  }
}

function isOf({ initiation }: HeldRequest, publicKey: Uint8Array): boolean {
  return Buffer.compare(initiation.peerStatic, publicKey) === 0;
}
