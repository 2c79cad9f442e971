// undici against express-server.cjs: undici-client.mjs URL. Many requests over few connections, streams both ways.
import { createHash } from 'node:crypto';
import diagnostics from 'node:diagnostics_channel';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Pool } from 'undici';

const BYTES = 8_000_000;
let connections = 0;
diagnostics.subscribe('undici:client:connected', () => connections++);

const pool = new Pool(process.argv[2], { connections: 4, pipelining: 1 });
const get = async (path) => (await pool.request({ path, method: 'GET' })).body.json();
const greetings = await Promise.all(Array.from({ length: 100 }, () => get('/hello')));

const hash = createHash('sha256');
await pool.stream({ path: `/blob?bytes=${BYTES}`, method: 'GET' }, () => hash);
const { sha256 } = await get(`/blob/sha256?bytes=${BYTES}`);

const sent = createHash('sha256');
function* chunks() {
  for (let i = 0; i < 128; i++) {
    const chunk = Buffer.alloc(BYTES / 128, `chunk ${i} `);
    sent.update(chunk);
    yield chunk;
  }
}
const uploaded = [];
await pipeline(
  Readable.from(chunks()),
  pool.pipeline({ path: '/upload', method: 'POST' }, ({ body }) => body),
  async (answer) => {
    for await (const part of answer) uploaded.push(part);
  },
);
await pool.close();

console.log(
  JSON.stringify({
    answers: new Set(greetings.map(({ hello }) => hello)).size === 1 && greetings.length,
    connections,
    downloaded: hash.digest('hex') === sha256,
    uploaded: JSON.parse(Buffer.concat(uploaded)),
    sent: sent.digest('hex'),
  }),
);
