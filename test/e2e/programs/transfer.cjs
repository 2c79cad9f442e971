// One long transfer over one connection, with a checksum at both ends.
//   transfer.cjs              `listening on PORT`; sends until SIGUSR2, then ends the connection: `sent BYTES SHA256`
//   transfer.cjs HOST PORT    `progress BYTES` as they come, `longest gap MS` and `received BYTES SHA256` at the end
const { createHash } = require('node:crypto');
const net = require('node:net');

const CHUNK = 16_384;
const EVERY_MS = 10;
const PROGRESS = 262_144;
const [host, port] = process.argv.slice(2);
const hash = createHash('sha256');
let bytes = 0;

if (host) {
  let last = performance.now();
  let longestGapMs = 0;
  const socket = net.connect(Number(port), host);
  socket.on('data', (chunk) => {
    const now = performance.now();
    longestGapMs = Math.max(longestGapMs, now - last);
    last = now;
    hash.update(chunk);
    if (Math.floor(bytes / PROGRESS) < Math.floor((bytes + chunk.length) / PROGRESS)) {
      console.log(`progress ${bytes}, longest gap ${Math.round(longestGapMs)} ms`);
      longestGapMs = 0;
    }
    bytes += chunk.length;
  });
  socket.on('error', ({ code }) => console.log(`broken ${code}`));
  socket.on('end', () => {
    console.log(`received ${bytes} ${hash.digest('hex')}`);
    socket.end();
  });
} else {
  const server = net.createServer((socket) => {
    const timer = setInterval(() => {
      if (socket.writableNeedDrain) return;
      const chunk = Buffer.alloc(CHUNK, `${bytes} `);
      hash.update(chunk);
      bytes += chunk.length;
      socket.write(chunk);
    }, EVERY_MS);
    socket.on('error', ({ code }) => console.log(`broken ${code}`));
    socket.on('close', () => clearInterval(timer));
    process.on('SIGUSR2', () => {
      clearInterval(timer);
      console.log(`sent ${bytes} ${hash.digest('hex')}`);
      socket.end();
      server.close();
    });
  });
  server.listen(0, '::', () => console.log(`listening on ${server.address().port}`));
}
