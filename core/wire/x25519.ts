/** X25519 (RFC 7748) by OpenSSL. tweetnacl, which V8 has not compiled at a program's start, takes 15 to 50 ms there. */
import { createPrivateKey, createPublicKey, diffieHellman, type KeyObject } from 'node:crypto';
import { KEY_LENGTH } from './key-length';

/** DER around a raw X25519 private key (RFC 8410 section 7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');
const ZERO_KEY = Buffer.alloc(KEY_LENGTH);
/**
 * Every handshake makes keys. Node 20 takes 0.7 ms to parse a private key in DER, and a tenth of it for a JWK. Since
 * Node 24 a JWK's `x` must be the public key, which is not known yet, and DER is as quick.
 */
const parsesJwkAlone = Number(process.versions.node.split('.')[0]) < 24;

export interface DhKeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
}

export function keyPair(secretKey: Uint8Array): DhKeyPair {
  const privateKey = evenAfterErrors(() => (parsesJwkAlone ? privateKeyByJwk(secretKey) : privateKeyByDer(secretKey)));
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { privateKey, publicKey: new Uint8Array(Buffer.from(x, 'base64url')) };
}

/** The shared secret, or `undefined` for a public key of low order, with which it would be no secret. */
export function dh(own: DhKeyPair, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    const key = evenAfterErrors(() => createPublicKey({ key: jwk(publicKey), format: 'jwk' }));
    const secret = diffieHellman({ privateKey: own.privateKey, publicKey: key });
    return ZERO_KEY.equals(secret) ? undefined : new Uint8Array(secret);
  } catch {
    return undefined; // OpenSSL refuses low-order points itself
  }
}

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
