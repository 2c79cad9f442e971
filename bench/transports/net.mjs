/** The kernel's TCP through node:net: plain, or behind wireguard-go's device. */
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
