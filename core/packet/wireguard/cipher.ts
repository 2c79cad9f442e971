/**
 * ChaCha20-Poly1305 of transport packets (RFC 8439), by libsodium where its optional package loads (1.8 us for
 * 1,400 bytes), by node:crypto otherwise (5.6 us); the bytes are the same. The nonce is four zeros and the counter.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { loadSodium } from '../../wire/sodium';
import { TAG_LENGTH } from './constants';
import { writeCounter } from './messages';

/** One direction of one session. */
export interface Cipher {
  /** Seals `plaintext` into `out`, which is longer by the tag and does not overlap it. */
  seal(counter: number, plaintext: Uint8Array, out: Uint8Array): void;
  /** False when not authentic; `out` is shorter than `sealed` by the tag. */
  open(counter: number, sealed: Uint8Array, out: Uint8Array): boolean;
  /** Overwrites the key; the cipher is useless from then on. */
  destroy(): void;
}

export type CipherFactory = (key: Uint8Array) => Cipher;

/** The part of sodium-native that is used here. */
interface Sodium {
  crypto_aead_chacha20poly1305_ietf_encrypt(
    out: Uint8Array,
    plaintext: Uint8Array,
    additional: null,
    secretNonce: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number;
  crypto_aead_chacha20poly1305_ietf_decrypt(
    out: Uint8Array,
    secretNonce: null,
    sealed: Uint8Array,
    additional: null,
    nonce: Uint8Array,
    key: Uint8Array,
  ): number;
}

const NONCE_LENGTH = 12;
const NONCE_COUNTER = 4;

export function sodiumCipher(sodium: Sodium): CipherFactory {
  return (sessionKey) => {
    const key = Buffer.from(sessionKey);
    const nonce = Buffer.alloc(NONCE_LENGTH);
    return {
      seal(counter, plaintext, out) {
        writeCounter(nonce, NONCE_COUNTER, counter);
        sodium.crypto_aead_chacha20poly1305_ietf_encrypt(out, plaintext, null, null, nonce, key);
      },
      open(counter, sealed, out) {
        writeCounter(nonce, NONCE_COUNTER, counter);
        try {
          sodium.crypto_aead_chacha20poly1305_ietf_decrypt(out, null, sealed, null, nonce, key);
          return true;
        } catch {
          return false;
        }
      },
      destroy: () => key.fill(0),
    };
  };
}

export const nodeCipher: CipherFactory = (sessionKey) => {
  const key = Buffer.from(sessionKey);
  const nonce = Buffer.alloc(NONCE_LENGTH);
  return {
    seal(counter, plaintext, out) {
      writeCounter(nonce, NONCE_COUNTER, counter);
      const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_LENGTH });
      out.set(cipher.update(plaintext));
      cipher.final();
      out.set(cipher.getAuthTag(), plaintext.length);
    },
    open(counter, sealed, out) {
      writeCounter(nonce, NONCE_COUNTER, counter);
      const cipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG_LENGTH });
      cipher.setAuthTag(sealed.subarray(sealed.length - TAG_LENGTH));
      try {
        out.set(cipher.update(sealed.subarray(0, sealed.length - TAG_LENGTH)));
        cipher.final();
        return true;
      } catch {
        return false;
      }
    },
    destroy: () => key.fill(0),
  };
};

let best: CipherFactory | undefined;

/** The fastest that this installation has. */
export function bestCipher(): CipherFactory {
  if (!best) {
    const sodium = loadSodium<Sodium>();
    best = sodium ? sodiumCipher(sodium) : nodeCipher;
  }
  return best;
}
