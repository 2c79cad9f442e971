/** The kernel's TCP and UDP through node:net and node:dgram: plain, or behind wireguard-go's device. */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';

export async function openTransport({ role, target }) {
  const port = 5_201;
  return {
    listen: (onConnection) =>
      new Promise((resolve) => {
        const server = createServer({ noDelay: true }, (socket) => onConnection(connection(socket)));
        server.listen(port, '0.0.0.0', 4_096, resolve);
      }),
    connect: () => connection(connect({ port, host: target, noDelay: true })),
    datagrams: (onMessage) => datagrams({ role, port, target }, onMessage),
    role,
  };
}

function connection(socket) {
  socket.on('error', () => socket.destroy());
  return {
    set onOpen(handler) {
      socket.on('connect', handler);
    },
    set onData(handler) {
      socket.on('data', handler);
    },
    set onDrain(handler) {
      socket.on('drain', handler);
    },
    set onClose(handler) {
      socket.on('close', handler);
    },
    /** False: stop until onDrain. */
    write: (bytes) => socket.write(bytes),
    end: () => socket.end(),
  };
}

async function datagrams({ role, port, target }, onMessage) {
  // dgram looks a destination up for each datagram, were it not connected or told that it is an address
  const literal = (address, _, callback) => callback(null, address, 4);
  const socket = createSocket({ type: 'udp4', lookup: literal });
  await new Promise((resolve) => socket.bind(role === 'server' ? port : 0, resolve));
  socket.setRecvBufferSize(4 << 20);
  socket.on('message', (bytes, from) => onMessage(bytes, (answer) => socket.send(answer, from.port, from.address)));
  socket.on('error', () => {}); // of a server that has ended
  if (role === 'client') await new Promise((resolve) => socket.connect(port, target, resolve));
  return { send: (bytes) => socket.send(bytes) };
}
