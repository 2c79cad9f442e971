// A hand-made redis client: redis-ping.cjs HOST. Prints the answer.
const net = require('node:net');

const socket = net.connect(6379, process.argv[2]);
socket.write('PING\r\n');
socket.once('data', (answer) => {
  console.log(answer.toString().trim());
  socket.end();
});
