/**
 * A second reader of signalling datagrams, written from PROTOCOL.md alone: offsets as they stand there, CBOR by RFC 8949,
 * and NaCl of other libraries than the one that the codec uses (@noble/ciphers, and X25519 of OpenSSL).
 */
import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa';
import { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto';

export interface NaiveDatagram {
  readonly version: number;
  readonly seal: 'none' | 'secretbox' | 'box';
  readonly role: number;
  readonly response: boolean;
  readonly type: number;
  readonly transaction: number;
  readonly keyId: string;
  readonly body: unknown;
  /** Bytes behind the body. */
  readonly padding: Uint8Array;
}

interface Keys {
  readonly sharedKey: Uint8Array;
  readonly receiverSecretKey: Uint8Array;
}

/** Throws what is wrong. */
export function naiveOpen(datagram: Uint8Array, { sharedKey, receiverSecretKey }: Keys): NaiveDatagram {
  const bytes = Buffer.from(datagram);
  if (bytes[0] !== 0x4e) throw new Error('magic');
  const flags = bytes[2]!;
  const seal = (['none', 'secretbox', 'box'] as const)[flags & 3]!;
  const header = {
    ...{ version: bytes[1]!, seal, role: (flags >> 6) & 1, response: flags >= 0x80, type: bytes[3]! },
    ...{ transaction: Number(bytes.readBigUInt64BE(4)), keyId: bytes.toString('hex', 12, 20) },
  };
  if (seal === 'none') return { ...header, body: {}, padding: bytes.subarray(20) };
  const isBox = seal === 'box';
  const key = isBox ? boxKey(receiverSecretKey, bytes.subarray(44, 76)) : sharedKey;
  const opened = Buffer.from(xsalsa20poly1305(key, bytes.subarray(20, 44)).decrypt(bytes.subarray(isBox ? 76 : 44)));
  if (!opened.subarray(0, 20).equals(bytes.subarray(0, 20))) throw new Error('the header was changed');
  const { value, rest } = naiveCbor(opened.subarray(20));
  return { ...header, body: value, padding: rest };
}

/** crypto_box_beforenm: HSalsa20 of the shared point. */
function boxKey(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const der = (prefix: string, key: Uint8Array): Buffer => Buffer.concat([Buffer.from(prefix, 'hex'), key]);
  const privateDer = der('302e020100300506032b656e04220420', secretKey); // RFC 8410 section 7
  const publicDer = der('302a300506032b656e032100', publicKey);
  const point = diffieHellman({
    privateKey: createPrivateKey({ key: privateDer, format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: publicDer, format: 'der', type: 'spki' }),
  });
  const words = (bytes: Uint8Array): Uint32Array => new Uint32Array(Uint8Array.from(bytes).buffer);
  const key = new Uint32Array(8);
  hsalsa(words(Buffer.from('expand 32-byte k')), words(point), new Uint32Array(4), key);
  return new Uint8Array(key.buffer);
}

/** One item, with definite lengths. */
export function naiveCbor(bytes: Buffer): { value: unknown; rest: Buffer } {
  if (bytes.length === 0) throw new Error('cut');
  const [major, info] = [bytes[0]! >> 5, bytes[0]! & 31];
  const length = info < 24 ? 0 : 2 ** (info - 24);
  const [head, body] = [bytes.subarray(1, 1 + length), bytes.subarray(1 + length)];
  if (head.length < length || info > 27) throw new Error('cut, or no definite length');
  const count = length === 0 ? info : Number(BigInt(`0x${head.toString('hex')}`));
  const cut = (): Buffer => {
    if (body.length < count) throw new Error('cut');
    return body.subarray(0, count);
  };
  switch (major) {
    case 0:
      return { value: count, rest: body };
    case 1:
      return { value: -1 - count, rest: body };
    case 2:
      return { value: new Uint8Array(cut()), rest: body.subarray(count) };
    case 3:
      return { value: new TextDecoder('utf-8', { fatal: true }).decode(cut()), rest: body.subarray(count) };
    case 4:
      return several(count, body);
    case 5: {
      const { value, rest } = several(count * 2, body);
      const pairs = Array.from({ length: count }, (_, i) => [value[2 * i], value[2 * i + 1]]);
      return { value: Object.fromEntries(pairs) as unknown, rest };
    }
    case 7:
      if (length === 8) return { value: head.readDoubleBE(), rest: body };
      if (length === 4) return { value: head.readFloatBE(), rest: body };
      if (info < 20 || info > 22) throw new Error(`simple value ${info}`);
      return { value: [false, true, null][info - 20], rest: body };
    default:
      throw new Error('a tag');
  }
}

function several(count: number, bytes: Buffer): { value: unknown[]; rest: Buffer } {
  const value: unknown[] = [];
  let rest = bytes;
  for (let i = 0; i < count; i++) {
    const item = naiveCbor(rest);
    value.push(item.value);
    rest = item.rest;
  }
  return { value, rest };
}
