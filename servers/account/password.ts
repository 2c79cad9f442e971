/**
 * Password hashes: scrypt (RFC 7914), a salt and the parameters with each, so that they can be raised later.
 *
 *   scrypt$<log2 N>$<r>$<p>$<salt, base64url>$<hash, base64url>
 */
import { scrypt, timingSafeEqual } from 'node:crypto';
import type { Random } from '../../core/runtime';

export interface ScryptCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** 32 MiB and some 120 ms on the 2-core machine this was written on: every program start of a node pays this once. */
const COST: ScryptCost = { logN: 15, r: 8, p: 1 };
const HASH_LENGTH = 32;
const SALT_LENGTH = 16;
/** What a hash from the store may ask for; more is not believed. */
const MEMORY_LIMIT_BYTES = 256 << 20;

export async function hashPassword(password: string, random: Random, cost = COST): Promise<string> {
  const salt = random.bytes(SALT_LENGTH);
  return formatHash(cost, salt, await derive(password, salt, cost));
}

/** A hash of no password, which takes as long to verify as any. */
export function decoyPasswordHash(random: Random): string {
  return formatHash(COST, random.bytes(SALT_LENGTH), random.bytes(HASH_LENGTH));
}

/** False for a wrong password and for a hash that is not one. */
export async function verifyPassword(password: string, stored: string): Promise<boolean> {
  const [scheme, logN, r, p, salt, hash] = stored.split('$');
  if (scheme !== 'scrypt' || salt === undefined || hash === undefined) return false;
  const expected = Buffer.from(hash, 'base64url');
  try {
    const cost = { logN: Number(logN), r: Number(r), p: Number(p) };
    return timingSafeEqual(await derive(password, Buffer.from(salt, 'base64url'), cost), expected);
  } catch {
    return false;
  }
}

function formatHash({ logN, r, p }: ScryptCost, salt: Uint8Array, hash: Uint8Array): string {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
  return ['scrypt', logN, r, p, text(salt), text(hash)].join('$');
}

function derive(password: string, salt: Uint8Array, { logN, r, p }: ScryptCost): Promise<Buffer> {
  const options = { N: 2 ** logN, r, p, maxmem: MEMORY_LIMIT_BYTES };
  return new Promise((resolve, reject) => {
    // NFC, so that the same password typed on two systems is the same bytes (RFC 8265 section 4.2.2).
    scrypt(password.normalize('NFC'), salt, HASH_LENGTH, options, (error, hash) =>
      error ? reject(error) : resolve(hash),
    );
  });
}
