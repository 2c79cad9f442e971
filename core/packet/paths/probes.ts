/** Probes of a tunnel's paths that wait for their answers: sealed, each with a challenge of its own (path-probe.ts). */
import type { Clock, Random } from '../../runtime';
import { hex } from '../../wire/keys';
import { encodeLeastProbe, encodeNotice } from '../path-probe';
import type { Tunnel } from '../wireguard/tunnel';
import type { PathRecord } from './path-record';

const PENDING_LIMIT = 128;
/** Not answered by then, it is lost. */
const LOST_MS = 1_500;

interface Pending {
  readonly record: PathRecord;
  readonly sentMs: number;
  /** The path worked when it was sent: if it is lost, that counts. */
  readonly counts: boolean;
}

export class Probes {
  /** By challenge, oldest first. */
  private readonly pending = new Map<string, Pending>();

  constructor(
    private readonly tunnel: Tunnel,
    private readonly ports: { readonly clock: Clock; readonly random: Random },
  ) {}

  /** `move`: as a notice of this host's move. */
  send(record: PathRecord, move?: number): void {
    const challenge = this.ports.random.bytes(8);
    const now = this.ports.clock.now();
    record.lastProbeMs = now;
    this.pending.set(hex(challenge), { record, sentMs: now, counts: record.isUsable(now) });
    for (const oldest of this.pending.keys()) {
      if (this.pending.size <= PENDING_LIMIT) break;
      this.pending.delete(oldest);
    }
    const probe = move === undefined ? encodeLeastProbe(challenge) : encodeNotice(challenge, move);
    this.tunnel.sendControl(probe, record.path);
  }

  /** Which probe this answers, and after how long. */
  take(challenge: Uint8Array): (Pick<Pending, 'record' | 'sentMs'> & { readonly rttMs: number }) | undefined {
    const id = hex(challenge);
    const probe = this.pending.get(id);
    this.pending.delete(id);
    return probe && { ...probe, rttMs: this.ports.clock.now() - probe.sentMs };
  }

  /** Those that nobody will answer any more count as lost. */
  expire(): void {
    const now = this.ports.clock.now();
    for (const [challenge, { record, sentMs, counts }] of this.pending) {
      if (now - sentMs < LOST_MS) break;
      this.pending.delete(challenge);
      if (counts) record.lost(sentMs);
    }
  }

  /** Those of this path, or all, are not waited for. */
  forget(record?: PathRecord): void {
    for (const [challenge, probe] of this.pending) {
      if (!record || probe.record === record) this.pending.delete(challenge);
    }
  }
}
