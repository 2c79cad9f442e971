// An ordinary server that starts another Node program and waits for its end before it listens: PORT-less.
const { spawnSync } = require('node:child_process');
const http = require('node:http');
const child = spawnSync(process.execPath, ['-e', 'console.log(2 + 2)'], { encoding: 'utf8' });
const server = http.createServer((request, response) => response.end(child.stdout));
server.listen(0, () => console.log(`listening on ${server.address().port}`));
process.on('SIGTERM', () => server.close());
