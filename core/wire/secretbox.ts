/**
 * NaCl's secretbox (XSalsa20-Poly1305): by libsodium where its optional package loads, by tweetnacl otherwise. The bytes
 * are the same; tweetnacl takes five times as long, and milliseconds for the first one, which V8 has not compiled yet.
 */
import nacl from 'tweetnacl';
import { loadSodium } from './sodium';

export const NONCE_LENGTH = nacl.secretbox.nonceLength;
export const OVERHEAD = nacl.secretbox.overheadLength;

export interface SecretBox {
  /** Seals `plain` into `out`, which is longer by OVERHEAD and does not overlap it. */
  seal(out: Uint8Array, plain: Uint8Array, nonce: Uint8Array, key: Uint8Array): void;
  /** The plain bytes, or `undefined` when it is not authentic. */
  open(sealed: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined;
}

/** The part of sodium-native that is used here. */
interface Sodium {
  crypto_secretbox_easy(out: Uint8Array, plain: Uint8Array, nonce: Uint8Array, key: Uint8Array): void;
  crypto_secretbox_open_easy(out: Uint8Array, sealed: Uint8Array, nonce: Uint8Array, key: Uint8Array): boolean;
}

export const naclSecretBox: SecretBox = {
  seal: (out, plain, nonce, key) => out.set(nacl.secretbox(plain, nonce, key)),
  open: (sealed, nonce, key) => nacl.secretbox.open(sealed, nonce, key) ?? undefined,
};

export function sodiumSecretBox(sodium: Sodium): SecretBox {
  return {
    seal: (out, plain, nonce, key) => sodium.crypto_secretbox_easy(out, plain, nonce, key),
    open(sealed, nonce, key) {
      const plain = new Uint8Array(sealed.length - OVERHEAD);
      return sodium.crypto_secretbox_open_easy(plain, sealed, nonce, key) ? plain : undefined;
    },
  };
}

let best: SecretBox | undefined;

/** The faster one of those that this installation has. */
export function bestSecretBox(): SecretBox {
  if (!best) {
    const sodium = loadSodium<Sodium>();
    best = sodium ? sodiumSecretBox(sodium) : naclSecretBox;
  }
  return best;
}
