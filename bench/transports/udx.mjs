/** udx-native: reliable streams over UDP, without encryption. Stream N of the client meets stream N of the server. */
import UDX from 'udx-native';

const STREAMS = 8;

export async function openTransport({ port, endpoint }) {
  const udx = new UDX();
  const socket = udx.createSocket();
  socket.bind(port);
  let next = 1;
  const open = (id) => {
    const stream = udx.createStream(id);
    stream.on('error', () => stream.destroy());
    stream.connect(socket, id, endpoint.port, endpoint.address);
    return connection(stream);
  };
  return {
    listen: async (onConnection) => {
      for (let id = 1; id <= STREAMS; id++) onConnection(open(id));
    },
    connect: () => open(next++),
  };
}

function connection(stream) {
  return {
    set onOpen(handler) {
      process.nextTick(handler);
    },
    set onData(handler) {
      stream.on('data', handler);
    },
    set onDrain(handler) {
      stream.on('drain', handler);
    },
    set onClose(handler) {
      stream.on('close', handler);
    },
    write: (bytes) => stream.write(bytes),
    end: () => stream.end(),
  };
}
