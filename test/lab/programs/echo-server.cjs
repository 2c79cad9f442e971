// An ordinary server that says back what it hears, at once or so much later.
//   echo-server.cjs PORT [DELAY-MS]    `listening`
const { createServer } = require('node:net');

const [port, delayMs] = process.argv.slice(2).map(Number);
const server = createServer((socket) => {
  socket.on('error', () => {});
  if (!delayMs) return void socket.pipe(socket);
  socket.on('data', (bytes) => setTimeout(() => socket.write(bytes), delayMs));
});
server.listen(port, '::', () => console.log('listening'));
