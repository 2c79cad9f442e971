/**
 * Join keys, for machines that nobody sits at:
 *
 *   ntmk-<id, 16 hex digits>-<secret, 32 bytes in base64url>
 *
 * The id finds the key; of the secret the store has a SHA-256. A secret of 256 random bits cannot be guessed, with or
 * without the hash, so that no slow hash is needed: a thousand machines may start at once.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../core/runtime';

const ID_LENGTH = 8;
const SECRET_LENGTH = 32;

/** As it is shown, once; and what is kept of it. */
export function newJoinKey(random: Random): { key: string; id: string; secretHash: Uint8Array } {
  const id = Buffer.from(random.bytes(ID_LENGTH)).toString('hex');
  const secret = Buffer.from(random.bytes(SECRET_LENGTH)).toString('base64url');
  return { key: `ntmk-${id}-${secret}`, id, secretHash: hashOf(secret) };
}

/** `undefined` for what is no key. */
export function parseJoinKey(key: string): { id: string; secret: string } | undefined {
  const match = /^ntmk-([0-9a-f]{16})-([\w-]{43})$/.exec(key);
  return match ? { id: match[1]!, secret: match[2]! } : undefined;
}

export function isSecretOf(secretHash: Uint8Array, secret: string): boolean {
  const hash = hashOf(secret);
  return hash.length === secretHash.length && timingSafeEqual(hash, secretHash);
}

function hashOf(secret: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update('ntmobile join key').update(secret).digest());
}
