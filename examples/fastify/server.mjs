// An ordinary Fastify server over HTTPS, HTTP/2 and HTTP/1.1: server.mjs PORT KEY-FILE CERT-FILE
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import Fastify from 'fastify';

const [port, keyFile, certFile] = process.argv.slice(2);
const fastify = Fastify({
  http2: true,
  https: { allowHTTP1: true, key: readFileSync(keyFile), cert: readFileSync(certFile) },
  bodyLimit: 16_000_000,
});

const schema = { body: { type: 'object', required: ['numbers'], properties: { numbers: { type: 'array' } } } };
fastify.post('/sum', { schema }, ({ body: { numbers } }) => ({ sum: numbers.reduce((a, b) => a + b, 0) }));

fastify.get('/lines', (request, reply) => {
  const lines = function* () {
    for (let line = 0; line < Number(request.query.count); line++) yield `${JSON.stringify({ line })}\n`;
  };
  return reply.type('application/x-ndjson').send(Readable.from(lines()));
});

let failures = 2;
fastify.get('/flaky', (request, reply) =>
  failures-- > 0 ? reply.code(503).send({}) : { ok: request.raw.httpVersion },
);

await fastify.listen({ port: Number(port), host: '::' });
console.log(`listening on ${fastify.server.address().port}`);
process.on('SIGTERM', () => {
  fastify.close();
});
