// An HTTP client that uses no NTMobile name: as many requests as it is told, each over a connection of its own.
const { get } = require('node:http');
const CONCURRENT = 8;

process.on('message', async ({ port, requests }) => {
  const before = process.cpuUsage();
  const startedAt = performance.now();
  let left = requests;
  const worker = async () => {
    while (left-- > 0) await ask(port);
  };
  await Promise.all(Array.from({ length: CONCURRENT }, worker));
  const elapsedMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(before);
  process.send({ elapsedMs, cpuMs: (user + system) / 1000 });
});
process.send('ready');

function ask(port) {
  return new Promise((resolve, reject) => {
    const request = get({ host: '127.0.0.1', port, agent: false }, (response) => response.resume().on('end', resolve));
    request.on('error', reject);
  });
}
