/** The bytes that lab transfers carry: each part differs from every other, and none of it need be kept. */
import { createHash } from 'node:crypto';

const MEBIBYTE = 1 << 20;

/** `length` bytes from `offset` of an endless body. */
export function bodyPart(offset: number, length: number): Buffer {
  const first = offset & ~3;
  const bytes = Buffer.alloc(Math.ceil((offset + length - first) / 4) * 4);
  for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32LE(Math.imul(first + i, 2654435761) >>> 0, i);
  return bytes.subarray(offset - first, offset - first + length);
}

/** SHA-256 of the first `length` bytes. */
export function bodyChecksum(length: number): string {
  const hash = createHash('sha256');
  for (let offset = 0; offset < length; offset += MEBIBYTE) {
    hash.update(bodyPart(offset, Math.min(MEBIBYTE, length - offset)));
  }
  return hash.digest('hex');
}

export const wholeBody = (length: number): string => `fetched ${length} ${bodyChecksum(length)}`;
