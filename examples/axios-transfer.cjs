// axios against express-server.cjs: axios-transfer.cjs URL. One kept connection, streams both ways, an abort.
const { createHash } = require('node:crypto');
const http = require('node:http');
const { Readable } = require('node:stream');
const axios = require('axios');

const BYTES = 8_000_000;

async function main() {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const sockets = new Set();
  const client = axios.create({ baseURL: process.argv[2], httpAgent: agent });
  for (let times = 0; times < 20; times++) {
    const { request } = await client.get('/hello');
    sockets.add(request.socket?.localPort ?? request.res.socket.localPort);
  }

  const { data: stream } = await client.get(`/blob?bytes=${BYTES}`, { responseType: 'stream' });
  const hash = createHash('sha256');
  let downloaded = 0;
  for await (const chunk of stream) {
    hash.update(chunk);
    downloaded += chunk.length;
  }
  const { data: expected } = await client.get('/blob/sha256', { params: { bytes: BYTES } });

  const body = Readable.from(Array.from({ length: 100 }, (_, i) => Buffer.alloc(BYTES / 100, String(i))));
  const { data: uploaded } = await client.post('/upload', body);

  const abort = new AbortController();
  const huge = await client.get('/blob?bytes=1000000000', { responseType: 'stream', signal: abort.signal });
  const aborted = await new Promise((done) => {
    huge.data.once('data', () => abort.abort());
    huge.data.once('error', (error) => done(error.code));
  });
  agent.destroy();
  const same = hash.digest('hex') === expected.sha256;
  console.log(JSON.stringify({ sockets: sockets.size, downloaded, same, uploaded: uploaded.bytes, aborted }));
}

main();
