/**
 * X25519 (RFC 7748): by libsodium where its optional package loads, by OpenSSL otherwise. tweetnacl, which V8 has not
 * compiled at a program's start, takes 15 to 50 ms there. A handshake has five of them on each side.
 */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { KEY_LENGTH } from './key-length';
import { loadSodium } from './sodium';

export interface DhKeyPair {
  readonly publicKey: Uint8Array;
  /** The shared secret, or `undefined` for a public key of low order, with which it would be no secret. */
  agree(publicKey: Uint8Array): Uint8Array | undefined;
  /** Overwrites the secret key: it is not used again. */
  forget(): void;
}

/** Makes a pair of a secret key of 32 bytes, which is copied. */
export type X25519 = (secretKey: Uint8Array) => DhKeyPair;

/** The part of sodium-native that is used here. Both write to `out`; the second throws for a point of low order. */
interface Sodium {
  crypto_scalarmult_base(out: Uint8Array, secretKey: Uint8Array): void;
  crypto_scalarmult(out: Uint8Array, secretKey: Uint8Array, publicKey: Uint8Array): void;
}

/** DER around a raw X25519 private key (RFC 8410 section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const ZERO_KEY = Buffer.alloc(KEY_LENGTH);
/**
 * Node 20 takes 0.7 ms to parse a private key in DER, and a tenth of it for a JWK. Since Node 24 a JWK's `x` must be the
 * public key, which is not known yet, and DER is as quick.
 */
const parsesJwkAlone = Number(process.versions.node.split('.')[0]) < 24;

let best: X25519 | undefined;

/** By the faster one of those that this installation has. */
export function keyPair(secretKey: Uint8Array): DhKeyPair {
  if (!best) {
    const sodium = loadSodium<Sodium>();
    best = sodium ? sodiumX25519(sodium) : opensslX25519;
  }
  return best(secretKey);
}

export function sodiumX25519(sodium: Sodium): X25519 {
  return (secretKey) => {
    const secret = new Uint8Array(secretKey);
    const publicKey = new Uint8Array(KEY_LENGTH);
    sodium.crypto_scalarmult_base(publicKey, secret);
    return {
      publicKey,
      agree(other) {
        const shared = new Uint8Array(KEY_LENGTH);
        try {
          sodium.crypto_scalarmult(shared, secret, other);
        } catch {
          return undefined; // of low order
        }
        return shared;
      },
      forget: () => void secret.fill(0),
    };
  };
}

export const opensslX25519: X25519 = (secretKey) => {
  const privateKey = evenAfterErrors(() => (parsesJwkAlone ? privateKeyByJwk(secretKey) : privateKeyByDer(secretKey)));
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return {
    publicKey: new Uint8Array(Buffer.from(x, 'base64url')),
    agree(other) {
      try {
        const publicKey = evenAfterErrors(() => createPublicKey({ key: jwk(other), format: 'jwk' }));
        const shared = diffieHellman({ privateKey, publicKey });
        return ZERO_KEY.equals(shared) ? undefined : new Uint8Array(shared);
      } catch {
        return undefined; // OpenSSL refuses low-order points itself
      }
    },
    forget: () => {}, // OpenSSL does it when the key is collected
  };
};

function privateKeyByJwk(secretKey: Uint8Array): KeyObject {
  return createPrivateKey({ key: { ...jwk(ZERO_KEY), d: base64url(secretKey) }, format: 'jwk' });
}

function privateKeyByDer(secretKey: Uint8Array): KeyObject {
  const der = Buffer.concat([PKCS8_PREFIX, secretKey]);
  try {
    return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  } finally {
    der.fill(0);
  }
}

/** RFC 8037. */
function jwk(publicKey: Uint8Array) {
  return { kty: 'OKP', crv: 'X25519', x: base64url(publicKey) };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
}

/**
 * Node's key parsers throw what another call has left in OpenSSL's queue of errors, and so empty it: a program's
 * scryptSync that asked for too much memory is enough.
 */
function evenAfterErrors<T>(parse: () => T): T {
  try {
    return parse();
  } catch {
    return parse();
  }
}
