// An ordinary server that says back what it hears.
//   echo-server.cjs PORT               `listening`
const { createServer } = require('node:net');

const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.pipe(socket);
});
server.listen(Number(process.argv[2]), '::', () => console.log('listening'));
