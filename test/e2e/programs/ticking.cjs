// An ordinary server of an endless answer, and its client: one connection, a line every 100 ms.
//   ticking.cjs                 `listening on PORT`
//   ticking.cjs HOST PORT       `tick N` as they come, `broken CODE` when the connection ends before SIGTERM
const net = require('node:net');

const [host, port] = process.argv.slice(2);
if (host) {
  const socket = net.connect(Number(port), host);
  socket.setEncoding('utf8');
  socket.on('data', (text) => process.stdout.write(text));
  socket.on('error', ({ code }) => console.log(`broken ${code}`));
  socket.on('close', () => console.log('broken'));
  process.on('SIGTERM', () => process.exit());
} else {
  const server = net.createServer((socket) => {
    let count = 0;
    const timer = setInterval(() => socket.write(`tick ${++count}\n`), 100);
    socket.on('error', () => {});
    socket.on('close', () => clearInterval(timer));
  });
  server.listen(0, '::', () => console.log(`listening on ${server.address().port}`));
  process.on('SIGTERM', () => process.exit());
}
