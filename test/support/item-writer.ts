/**
 * A process that stores items without end, until it is killed: `node item-writer.js DIR`. It says `stored NUMBER SEED`
 * of each item that the store has acknowledged.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { PART_LENGTH } from '../../core/wire/cache-frames';
import { openSqliteStore } from '../../servers/store/sqlite-store';
import type { CachedItem } from '../../servers/store/store';
import { SeededRandom } from './virtual-time';

/** Of one to three parts. */
export function contentOf(seed: number): Uint8Array {
  return new SeededRandom(seed).bytes(1 + ((seed * 7919) % (3 * PART_LENGTH)));
}

export function itemOf(seed: number, content: Uint8Array): CachedItem {
  return {
    ...{ receiver: 'bob.ntm.test', sender: 'alice.ntm.test', owner: 'alice.ntm.test', box: 'items' },
    ...{ id: new SeededRandom(seed + 1_000_000).bytes(16), length: content.length, expiresMs: 1e15 },
    digest: new Uint8Array(createHash('sha256').update(content).digest()),
  };
}

async function write(dir: string, first: number): Promise<void> {
  const { cachedItems } = openSqliteStore(dir);
  for (let seed = first; ; seed++) {
    const content = contentOf(seed);
    const item = itemOf(seed, content);
    let number: number | undefined;
    for (let offset = 0; offset < content.length; offset += PART_LENGTH) {
      const bytes = content.subarray(offset, offset + PART_LENGTH);
      number = await cachedItems.append(number, item, {
        offset,
        bytes,
        isLast: offset + PART_LENGTH >= content.length,
      });
    }
    // At once, and not by a stream: what is not written yet when the kill comes was not acknowledged.
    writeSync(1, `stored ${number} ${seed}\n`);
  }
}

if (require.main === module) void write(process.argv[2]!, Number(process.argv[3]));
