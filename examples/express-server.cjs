// An ordinary Express server: HTTP, and HTTPS when it is given a certificate.
//   node examples/express-server.cjs 8080 8443 key.pem cert.pem
// GET  /hello                 who is asking, and which address was asked
// GET  /blob?bytes=N          N bytes, the same ones every time
// GET  /blob/sha256?bytes=N   their SHA-256
// POST /upload                the length and SHA-256 of what was sent
const { createCipheriv, createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const { Readable } = require('node:stream');
const { pipeline } = require('node:stream/promises');
const express = require('express');

const [httpPort = process.env.PORT ?? '8080', httpsPort, keyFile, certFile] = process.argv.slice(2);
const CHUNK = 64 * 1024;
const MOST_BYTES = 2 ** 34;

/** A key stream under a fixed key: looks random, costs little, and is the same every time. */
function* repeatableBytes(total) {
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
  const zeros = Buffer.alloc(CHUNK);
  for (let left = total; left > 0; left -= CHUNK) {
    yield cipher.update(left < CHUNK ? zeros.subarray(0, left) : zeros);
  }
}

function bytesAsked(request) {
  const bytes = Number(request.query.bytes ?? 1_000_000);
  return Number.isInteger(bytes) && bytes >= 0 && bytes <= MOST_BYTES ? bytes : undefined;
}

const app = express();
app.disable('x-powered-by');

app.get('/hello', (request, response) => {
  const { remoteAddress, localAddress } = request.socket;
  response.json({ hello: request.hostname, protocol: request.protocol, from: remoteAddress, to: localAddress });
});

app.get('/blob', async (request, response) => {
  const bytes = bytesAsked(request);
  if (bytes === undefined) return response.status(400).json({ error: 'bytes must be a whole number' });
  response.set({ 'content-type': 'application/octet-stream', 'content-length': String(bytes) });
  // A reader that goes away is not this server's failure.
  await pipeline(Readable.from(repeatableBytes(bytes)), response).catch(() => {});
});

app.get('/blob/sha256', (request, response) => {
  const bytes = bytesAsked(request);
  if (bytes === undefined) return response.status(400).json({ error: 'bytes must be a whole number' });
  const hash = createHash('sha256');
  for (const chunk of repeatableBytes(bytes)) hash.update(chunk);
  response.json({ bytes, sha256: hash.digest('hex') });
});

app.post('/upload', async (request, response) => {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    hash.update(chunk);
  }
  response.json({ bytes, sha256: hash.digest('hex') });
});

const servers = [http.createServer(app).listen(Number(httpPort))];
if (httpsPort) {
  const tls = { key: readFileSync(keyFile), cert: readFileSync(certFile) };
  servers.push(https.createServer(tls, app).listen(Number(httpsPort)));
}

Promise.all(servers.map((server) => new Promise((done, fail) => server.on('listening', done).on('error', fail)))).then(
  () => console.log(`listening on ${servers.map((server) => server.address().port).join(' ')}`),
  (error) => {
    console.error(error.message);
    process.exitCode = 1;
  },
);

process.on('SIGTERM', () => {
  for (const server of servers) server.close();
  for (const server of servers) server.closeAllConnections();
});
