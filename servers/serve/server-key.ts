/** The secret key of a server that runs by itself: DIR/server.key, made at the first start. */
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { NtmError } from '../../core/errors';
import type { Random } from '../../core/runtime';
import { KEY_LENGTH } from '../../core/wire/key-length';
import { keyPairFromSecret, type KeyPair } from '../../core/wire/keys';

const FILE = 'server.key';

/** Throws NtmError NTM_CONFIG when the directory cannot be used, or holds something else. */
export function serverKey(dir: string, random: Random): KeyPair {
  const path = join(dir, FILE);
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    if (!existsSync(path)) make(path, random);
    chmodSync(path, 0o600);
    const secret = new Uint8Array(Buffer.from(readFileSync(path, 'utf8').trim(), 'base64url'));
    if (secret.length !== KEY_LENGTH) {
      throw new Error('it holds no key. Put back a copy of it; if there is none, remove it and another is made');
    }
    return keyPairFromSecret(secret);
  } catch (error) {
    throw new NtmError('NTM_CONFIG', `${path} cannot be used: ${(error as Error).message}`, { cause: error });
  }
}

export function formatKey(publicKey: Uint8Array): string {
  return Buffer.from(publicKey).toString('base64url');
}

/** Whole or not at all, whatever ends the process or fills the disk. Of two processes at once, one makes it for both. */
function make(path: string, random: Random): void {
  const made = Buffer.from(random.bytes(KEY_LENGTH)).toString('base64url');
  const mine = `${path}.${process.pid}`;
  try {
    writeFileSync(mine, `${made}\n`, { mode: 0o600, flush: true });
    linkSync(mine, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(mine, { force: true });
  }
}
