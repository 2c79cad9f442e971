import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { CHUNK_LIMIT, chunksOf, readChunk, writeChunk } from '../../../core/wire/cache-frames';
import { hex } from '../../../core/wire/keys';

const chunk = { transfer: 0x0001_0203_0405, offset: 0x10_20_30, bytes: Uint8Array.of(0xaa, 0xbb) };

describe('bytes of a cached item', () => {
  it('a chunk: written -> these bytes; read -> the same', () => {
    assert.equal(hex(writeChunk(chunk)), '43' + '01' + '0000000102030405' + '00102030' + 'aabb');
    assert.deepEqual(readChunk(writeChunk(chunk)), chunk);
  });

  it('every shorter length, other magic or version, too many bytes, a number that is none -> undefined', () => {
    const bytes = writeChunk(chunk);
    for (let length = 0; length <= 14; length++) assert.equal(readChunk(bytes.subarray(0, length)), undefined);
    for (const at of [0, 1, 2]) {
      const other = bytes.slice();
      other[at] = 0xff;
      assert.equal(readChunk(other), undefined, `byte ${at}`);
    }
    assert.equal(readChunk(writeChunk({ ...chunk, bytes: new Uint8Array(CHUNK_LIMIT + 1) })), undefined);
  });

  it('an item in chunks -> all its bytes, in order', () => {
    const item = Uint8Array.from({ length: 40_000 }, (_, i) => i);
    const chunks = [...chunksOf(3, item, 0, item.length)];
    assert.deepEqual(
      chunks.map(({ offset, bytes }) => [offset, bytes.length]),
      [
        [0, 16_384],
        [16_384, 16_384],
        [32_768, 7_232],
      ],
    );
    assert.deepEqual(Buffer.concat(chunks.map(({ bytes }) => bytes)), Buffer.from(item));
  });
});
