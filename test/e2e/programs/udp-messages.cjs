// Sends datagrams and ends, or prints those that come, with who sent them.
//   node udp-messages.cjs udp4|udp6 PORT                    `listening on PORT`, then a line of JSON for each
//   node udp-messages.cjs udp4|udp6 HOST PORT TEXT...       `sent N`, once each was sent as far as Node can tell
const dgram = require('node:dgram');
const { promisify } = require('node:util');
const { peerName } = require('ntmobile');

const [type, first, second, ...texts] = process.argv.slice(2);
const socket = dgram.createSocket(type);

async function send() {
  const sendOne = promisify(socket.send.bind(socket));
  for (const text of texts) await sendOne(text, Number(second), first);
  console.log(`sent ${texts.length} from ${socket.address().port}`);
  socket.close();
}

if (texts.length > 0) send();
else {
  socket.on('message', (datagram, from) => {
    console.log(
      JSON.stringify({ text: datagram.toString(), from: from.address, port: from.port, name: peerName(from) }),
    );
  });
  socket.bind(Number(first), () => console.log(`listening on ${socket.address().port}`));
  process.once('SIGTERM', () => socket.close());
}
