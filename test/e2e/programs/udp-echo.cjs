// Echoes datagrams, or sends some and says what came back.
//   node udp-echo.cjs udp4|udp6                    `listening on PORT`
//   node udp-echo.cjs udp4|udp6 HOST PORT BYTES... one datagram of each length, one after the other
const dgram = require('node:dgram');
const { createHash, randomBytes } = require('node:crypto');
const { once } = require('node:events');

/** As programs over UDP do: a datagram may be lost, and the server may not be there yet. */
const RETRANSMIT_MS = 2_000;

const [type, host, port, ...lengths] = process.argv.slice(2);
const socket = dgram.createSocket(type);
const hash = (bytes) => createHash('sha256').update(bytes).digest('hex');

async function ask() {
  for (const length of lengths) {
    const sent = randomBytes(Number(length));
    const send = () => socket.send(sent, Number(port), host);
    const again = setInterval(send, RETRANSMIT_MS);
    send();
    const [received, from] = await once(socket, 'message');
    clearInterval(again);
    const same = hash(received) === hash(sent);
    console.log(JSON.stringify({ length: received.length, same, from: from.address, family: from.family }));
  }
  socket.close();
}

if (host) ask();
else {
  socket.on('message', (datagram, from) => socket.send(datagram, from.port, from.address));
  socket.bind(0, () => console.log(`listening on ${socket.address().port}`));
  process.once('SIGTERM', () => socket.close());
}
