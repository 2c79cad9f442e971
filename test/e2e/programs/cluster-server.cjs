/** An HTTP server with two workers of cluster, who tell whom they see and what they were sent. Ends by SIGTERM. */
const cluster = require('node:cluster');
const { createHash, randomBytes } = require('node:crypto');
const http = require('node:http');

if (cluster.isPrimary) {
  let left = 2;
  cluster.on('listening', (_worker, { port }) => --left === 0 && console.log(`listening on ${port}`));
  cluster.on('exit', (worker) => console.log(`worker ${worker.process.pid} has ended`));
  for (let i = 0; i < 2; i++) cluster.fork();
  process.once('SIGTERM', () => cluster.disconnect());
} else {
  const server = http.createServer(async (request, response) => {
    const sent = createHash('sha256');
    for await (const chunk of request) sent.update(chunk);
    const { remoteAddress, remotePort, remoteFamily, localAddress, localPort } = request.socket;
    const body = request.method === 'POST' ? randomBytes(5e6) : Buffer.alloc(0);
    const seen = { remoteAddress, remotePort, remoteFamily, localAddress, localPort };
    const hash = createHash('sha256').update(body).digest('hex');
    response.setHeader('seen', JSON.stringify({ pid: process.pid, sent: sent.digest('hex'), hash, ...seen }));
    response.end(body);
  });
  server.listen(0);
  process.on('SIGTERM', () => {}); // its primary ends it
}
