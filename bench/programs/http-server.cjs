// An HTTP server that uses no NTMobile name. `report`: what it has used since the last report.
const { createServer } = require('node:http');
const body = 'x'.repeat(1_000);
let before = process.cpuUsage();
const server = createServer((request, response) => response.end(body));
server.listen(0, process.argv[2], () => process.send({ port: server.address().port }));
process.on('message', (asked) => {
  if (asked === 'memory') return process.send(memory());
  const { user, system } = process.cpuUsage(before);
  before = process.cpuUsage();
  process.send({ cpuMs: (user + system) / 1000 });
});

function memory() {
  globalThis.gc();
  return { rss: process.memoryUsage().rss, heapUsed: process.memoryUsage().heapUsed };
}
