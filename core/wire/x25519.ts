/** X25519 (RFC 7748) by OpenSSL. tweetnacl, which V8 has not compiled at a program's start, takes 15 to 50 ms there. */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { KEY_LENGTH } from './key-length';

/** DER around a raw X25519 key (RFC 8410 sections 4 and 7). */
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex');
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const ZERO_KEY = Buffer.alloc(KEY_LENGTH);

export interface DhKeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
}

export function keyPair(secretKey: Uint8Array): DhKeyPair {
  const der = Buffer.concat([PKCS8_PREFIX, secretKey]);
  const privateKey = evenAfterErrors(() => createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  der.fill(0);
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return { privateKey, publicKey: new Uint8Array(spki.subarray(SPKI_PREFIX.length)) };
}

/** The shared secret, or `undefined` for a public key of low order, with which it would be no secret. */
export function dh(own: DhKeyPair, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    const der = Buffer.concat([SPKI_PREFIX, publicKey]);
    const key = evenAfterErrors(() => createPublicKey({ key: der, format: 'der', type: 'spki' }));
    const secret = diffieHellman({ privateKey: own.privateKey, publicKey: key });
    return ZERO_KEY.equals(secret) ? undefined : new Uint8Array(secret);
  } catch {
    return undefined; // OpenSSL refuses low-order points itself
  }
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
