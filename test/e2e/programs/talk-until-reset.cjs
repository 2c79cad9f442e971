// A server on PORT, or with a name a client of it: they talk, then wait until the connection fails, and say how.
const net = require('node:net');
const { peerName } = require('ntmobile');

const [port, host] = process.argv.slice(2);
const WORDS = 10;

function talk(socket, who) {
  let heard = 0;
  socket.setEncoding('utf8').on('data', (words) => {
    heard += words.length;
    if (heard < WORDS) return socket.write('x');
    if (heard === WORDS && !host) socket.write('x');
    console.log(`talked with ${who}`);
  });
  socket.on('error', ({ code, cause }) => console.log([code, cause?.code].filter(Boolean).join(' ')));
  socket.on('close', () => process.exit(0));
}

if (host) {
  const socket = net.connect({ host, port: Number(port) }, () => socket.write('x'));
  talk(socket, host);
} else {
  const server = net.createServer((socket) => talk(socket, peerName(socket)));
  server.listen(Number(port), () => console.log(`listening on ${server.address().port}`));
}
