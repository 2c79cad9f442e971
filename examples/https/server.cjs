// HTTPS and HTTP/2 by node alone, for clients with a certificate: server.cjs PORT KEY-FILE CERT-FILE
// GET /who     whether the client's certificate is a known one, the protocol that ALPN chose
// GET /events  Server-Sent Events, one each time the one before was read
// GET /file    a megabyte, or the range of it that is asked for
// POST /take   length and SHA-256 of what comes, read slowly; after `Expect: 100-continue`
// POST /echo   (HTTP/2) both ways at once
const { createHash } = require('node:crypto');
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const http2 = require('node:http2');

const [port, keyFile, certFile] = process.argv.slice(2);
const cert = readFileSync(certFile);
const tls = { key: readFileSync(keyFile), cert, ca: cert, requestCert: true, allowHTTP1: true };
const file = Buffer.alloc(1_000_000, 'not too long ');

async function answer(request, response) {
  const { method, url, httpVersion } = request;
  if (url === '/who') {
    const { socket } = request.stream?.session ?? request;
    const { authorized, alpnProtocol } = socket;
    response.end(JSON.stringify({ authorized, alpn: alpnProtocol, httpVersion }));
  } else if (url === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let i = 0; i < 100; i++) if (!response.write(`id: ${i}\ndata: tick\n\n`)) await once(response, 'drain');
    response.end();
  } else if (url === '/file') {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range) ?? [0, 0, file.length - 1];
    const part = file.subarray(Number(from), Number(to) + 1);
    response.writeHead(206, { 'content-range': `bytes ${from}-${to}/${file.length}`, 'content-length': part.length });
    response.end(part);
  } else if (url === '/take') {
    const hash = createHash('sha256');
    let length = 0;
    for await (const chunk of request) {
      hash.update(chunk);
      length += chunk.length;
      await new Promise(setImmediate); // a slow reader: the writer has to wait
    }
    response.end(JSON.stringify({ length, sha256: hash.digest('hex') }));
  } else if (method === 'POST') request.pipe(response);
  else response.writeHead(404).end();
}

const server = http2.createSecureServer(tls, answer);
server.on('checkContinue', (request, response) => {
  response.writeContinue();
  answer(request, response);
});
server.listen(Number(port), () => console.log(`listening on ${server.address().port}`));
const sessions = new Set();
server.on('session', (session) => sessions.add(session));
process.on('SIGTERM', () => {
  for (const session of sessions) session.destroy();
  server.close();
});
