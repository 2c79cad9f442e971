// basic-ftp against server.cjs: client.mjs HOST PORT CA-FILE. With TLS and without: up, down, the rest of a file, a list.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { Client } from 'basic-ftp';

const [host, port, caFile] = process.argv.slice(2);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
const file = randomBytes(4_000_000);

async function download(client, name, from = 0) {
  const chunks = [];
  const sink = new Writable({
    write(chunk, encoding, done) {
      chunks.push(chunk);
      setImmediate(done); // slower than what comes
    },
  });
  await client.downloadTo(sink, name, from);
  return Buffer.concat(chunks);
}

for (const secure of [true, false]) {
  const access = { host, port: Number(port), secure, secureOptions: { ca: readFileSync(caFile) } };
  const client = new Client();
  await client.access({ ...access, user: 'guest', password: 'welcome' });
  await client.ensureDir('files');
  await client.uploadFrom(Readable.from([file.subarray(0, 1_000_000), file.subarray(1_000_000)]), 'large.bin');
  for (let i = 0; i < 5; i++) await client.uploadFrom(Readable.from([`small ${i}`]), `small-${i}.txt`);
  const down = await download(client, 'large.bin');
  const rest = await download(client, 'large.bin', 3_000_000);
  const list = await client.list();
  await client.cd('/');
  await client.removeDir('files');
  const left = await client.list();
  client.close();
  console.log(
    JSON.stringify({
      secure,
      same: sha256(down) === sha256(file),
      rest: file.subarray(3_000_000).equals(rest),
      list: list.map(({ name, size }) => `${name} ${size}`).sort(),
      left: left.length,
    }),
  );
}

const stranger = new Client();
const refused = await stranger
  .access({ host, port: Number(port), user: 'guest', password: 'x' })
  .catch(({ code }) => code);
stranger.close();
console.log(JSON.stringify({ refused }));
