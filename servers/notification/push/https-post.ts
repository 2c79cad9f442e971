/** One POST over HTTPS, as the push services take them: bounded in time and size, and its failure is an answer, too. */
import { Agent, request } from 'node:https';

const TIMEOUT_MS = 10_000;
const ANSWER_LIMIT_BYTES = 64 * 1024;
const CONNECTIONS_LIMIT = 64;

export interface Answer {
  /** 0: there was none, `text` says why. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

export class HttpsPoster {
  private readonly agent: Agent;

  /** `ca`: PEM of authorities to trust beside the usual ones being replaced; undefined: the usual ones. */
  constructor(ca: string | undefined) {
    this.agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_LIMIT, ...(ca !== undefined && { ca }) });
  }

  /** Never rejects. Redirections are not followed. */
  post(url: string, headers: Record<string, string | number>, body: string | Buffer): Promise<Answer> {
    return new Promise((resolve) => {
      const failed = (error: Error & { code?: string }): void =>
        resolve({ status: 0, headers: {}, text: error.code ?? error.name });
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const { agent } = this;
      const outgoing = request(url, { method: 'POST', agent, signal, headers }, (response) => {
        const pieces: Buffer[] = [];
        let length = 0;
        response.on('data', (piece: Buffer) => {
          length += piece.length;
          if (length > ANSWER_LIMIT_BYTES) response.destroy(new Error('answer too long'));
          else pieces.push(piece);
        });
        response.on('error', failed);
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response;
          resolve({ status, headers, text: Buffer.concat(pieces).toString('utf8') });
        });
      });
      outgoing.on('error', failed);
      outgoing.end(body);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

/** RFC 9110 section 10.2.3: seconds, or a date. */
export function retryAfterMs(value: string | string[] | undefined, wallTimeMs: number): number | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - wallTimeMs);
}

export function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
