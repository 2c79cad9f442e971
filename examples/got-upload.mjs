// Uploads N repeatable bytes with got and prints the server's answer and the SHA-256 of what was sent.
//   node examples/got-upload.mjs http://localhost:8080/upload 10000000
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import got from 'got';

const [url, count = '1000000'] = process.argv.slice(2);
const chunk = Buffer.alloc(64 * 1024, 'all work and no play makes jack a dull boy\n');
const hash = createHash('sha256');

function* chunks(total) {
  for (let left = total; left > 0; left -= chunk.length) {
    const piece = left < chunk.length ? chunk.subarray(0, left) : chunk;
    hash.update(piece);
    yield piece;
  }
}

const { bytes, sha256 } = await got
  .post(url, { body: Readable.from(chunks(Number(count))), retry: { limit: 0 } })
  .json();
console.log(JSON.stringify({ sent: Number(count), sentSha256: hash.digest('hex'), bytes, sha256 }));
