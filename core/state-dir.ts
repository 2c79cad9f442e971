/**
 * What a node keeps between runs, in NTMOBILE_STATE_DIR (0700): its WireGuard static key, so that correspondent
 * nodes know it again, and the network's suffixes, so that a later start needs no question before the first lookup.
 * One file (0600) per identity: AS, account and node.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as v from 'valibot';
import type { NodeConfig } from './config';

const schema = v.object({
  /** 32 bytes in base64. */
  secretKey: v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]{43}=$/)),
  domains: v.optional(v.array(v.string()), []),
  networks: v.optional(v.array(v.string()), []),
});

export interface NodeState {
  readonly secretKey: Uint8Array;
  readonly domains: readonly string[];
  readonly networks: readonly string[];
}

export interface Identity {
  readonly accountServerKey: Uint8Array;
  readonly account: string;
  readonly node: string | null;
}

export function stateFile({ stateDir, accountServer, account, node }: NodeConfig): StateFile {
  return new StateFile(stateDir, { accountServerKey: accountServer.publicKey, account, node });
}

export class StateFile {
  private readonly path: string;
  /** Of cached items that were taken (taken-items.ts). */
  readonly takenItemsPath: string;

  constructor(
    private readonly dir: string,
    { accountServerKey, account, node }: Identity,
  ) {
    const network = createHash('sha256').update(accountServerKey).digest('hex').slice(0, 16);
    const name = `${node ? `${node}.` : ''}${account}@${network}`;
    this.path = join(dir, `${name}.json`);
    this.takenItemsPath = join(dir, `${name}.taken`);
  }

  /** `undefined` when there is none yet, or when it cannot be read as one. */
  read(): NodeState | undefined {
    try {
      const { secretKey, ...rest } = v.parse(schema, JSON.parse(readFileSync(this.path, 'utf8')));
      return { ...rest, secretKey: new Uint8Array(Buffer.from(secretKey, 'base64')) };
    } catch {
      return undefined;
    }
  }

  /** Whole or not at all, also after a crash. Throws what the file system says. */
  write(state: NodeState): void {
    mkdirSync(this.dir, { recursive: true, mode: 0o700 });
    const text = JSON.stringify({ ...state, secretKey: Buffer.from(state.secretKey).toString('base64') });
    const draft = `${this.path}.${process.pid}`;
    writeFileSync(draft, `${text}\n`, { mode: 0o600 });
    renameSync(draft, this.path);
  }
}
