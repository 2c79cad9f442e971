/** What node:dgram itself can forward: knows each side by its port, and looks at nothing else. Prints its port. */
import { createSocket } from 'node:dgram';

const BIND = 0xff;
const sides = new Map();
const other = new Uint16Array(65_536);
const socket = createSocket({ type: 'udp4', lookup: (address, _, callback) => callback(null, address, 4) });
socket.on('message', (datagram, { port, address }) => {
  const to = other[port];
  if (to !== 0) socket.send(datagram, to, address);
  else if (datagram[0] === BIND) bind(datagram.readUInt16BE(1), port, () => socket.send(datagram, port, address));
});
socket.bind(0, '127.0.0.1', () => {
  socket.setRecvBufferSize(4 << 20);
  process.stdout.write(`${JSON.stringify({ port: socket.address().port })}\n`);
});

function bind(pair, port, answer) {
  const first = sides.get(pair);
  sides.set(pair, port);
  if (first !== undefined) [other[port], other[first]] = [first, port];
  answer();
}
