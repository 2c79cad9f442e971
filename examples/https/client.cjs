// Against server.cjs: client.cjs URL KEY-FILE CERT-FILE. HTTP/1.1 over a kept connection, HTTP/2 with many streams.
const { createHash, randomBytes } = require('node:crypto');
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const http2 = require('node:http2');
const https = require('node:https');

const [url, keyFile, certFile] = process.argv.slice(2);
const cert = readFileSync(certFile);
const identity = { key: readFileSync(keyFile), cert, ca: cert };
const read = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function ask(path, options = {}, body) {
  const request = https.request(`${url}${path}`, { ...identity, ...options });
  let continued = false;
  if (options.headers?.expect) {
    request.flushHeaders();
    await once(request, 'continue');
    continued = true;
  }
  for (const chunk of body ?? []) if (!request.write(chunk)) await once(request, 'drain');
  request.end();
  const [response] = await once(request, 'response');
  const resumed = response.socket.isSessionReused();
  return { response, continued, resumed, bytes: await read(response) };
}

async function main() {
  const first = JSON.parse((await ask('/who', { agent: false, ALPNProtocols: ['http/1.1'] })).bytes);

  const agent = new https.Agent(); // which remembers TLS sessions
  const resumed = [(await ask('/who', { agent })).resumed, (await ask('/who', { agent })).resumed];

  const kept = new https.Agent({ keepAlive: true, maxSockets: 1 });
  const whole = (await ask('/file', { agent: kept })).bytes;
  const { response, bytes } = await ask('/file', { agent: kept, headers: { range: 'bytes=1000-1999' } });
  const part = response.statusCode === 206 && bytes.equals(whole.subarray(1000, 2000));
  const events = String((await ask('/events', { agent: kept })).bytes).match(/id: \d+/g).length;
  const sent = Array.from({ length: 64 }, () => randomBytes(64 * 1024));
  const headers = { expect: '100-continue' };
  const taken = await ask('/take', { agent: kept, method: 'POST', headers }, sent);
  kept.destroy();

  const session = http2.connect(url, identity);
  const echo = async () => {
    const stream = session.request({ ':path': '/echo', ':method': 'POST' });
    const body = randomBytes(1_000_000);
    stream.end(body);
    return sha256(await read(stream)) === sha256(body);
  };
  const echoes = await Promise.all(Array.from({ length: 10 }, echo));
  const who = JSON.parse(await read(session.request({ ':path': '/who' }).end()));
  session.close();

  const stranger = await ask('/who', { key: undefined, cert: undefined, agent: false }).catch(({ code }) => code);
  console.log(
    JSON.stringify({
      ...{ first, resumed, whole: whole.length, part, events },
      continued: taken.continued && JSON.parse(taken.bytes).sha256 === sha256(Buffer.concat(sent)),
      ...{ echoes: echoes.filter(Boolean).length, who: [who.authorized, who.alpn, who.httpVersion], stranger },
    }),
  );
}

main();
