/**
 * Join keys, for machines that nobody sits at; core/wire/join-key.ts has how they are written.
 *
 * The id finds the key; of the secret the store has a SHA-256. A secret of 256 random bits cannot be guessed, with or
 * without the hash, so that no slow hash is needed: a thousand machines may start at once.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../core/runtime';
import { formatJoinKey } from '../../core/wire/join-key';

const ID_LENGTH = 8;
const SECRET_LENGTH = 32;

/** As it is shown, once; and what is kept of it. */
export function newJoinKey(random: Random): { key: string; id: string; secretHash: Uint8Array } {
  const id = Buffer.from(random.bytes(ID_LENGTH)).toString('hex');
  const secret = Buffer.from(random.bytes(SECRET_LENGTH)).toString('base64url');
  return { key: formatJoinKey({ id, secret }), id, secretHash: hashOf(secret) };
}

export function isSecretOf(secretHash: Uint8Array, secret: string): boolean {
  const hash = hashOf(secret);
  return hash.length === secretHash.length && timingSafeEqual(hash, secretHash);
}

function hashOf(secret: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update('ntmobile join key').update(secret).digest());
}
