/** TCP of node:net: the kernel's, MPTCP under mptcpize, or ntmobile's with its preload. */
import { connect, createServer, isIP } from 'node:net';

/** How long a server keeps a connection on which nothing comes; only where the client gives up, too. */
const SERVER_PATIENCE_MS = 15_000;

export function listen({ port, impatientMs }, onConnection) {
  const server = createServer({ noDelay: true }, (socket) => {
    if (impatientMs) destroyOnSilence(socket, SERVER_PATIENCE_MS);
    const connection = handlersOf(socket);
    onConnection(connection);
  });
  return new Promise((resolve) => server.listen(port, resolve));
}

/**
 * To `host`, or to whichever of `addresses` answers first, which a name's are. `impatientMs`: a connection on which
 * nothing comes for so long is given up, or one that is not there after that.
 */
export function dial({ host, addresses, port, impatientMs }, onConnection) {
  const socket = connect({
    ...{ port, noDelay: true, keepAlive: true, keepAliveInitialDelay: 1_000 },
    ...(addresses ? { host: 'correspondent', lookup: among(addresses) } : { host }),
  });
  if (impatientMs) destroyOnSilence(socket, impatientMs);
  const connection = handlersOf(socket);
  socket.once('connect', () => onConnection(connection));
  return connection;
}

/** What is heard counts, unlike with socket.setTimeout: who sends into the void hears nothing. */
function destroyOnSilence(socket, ms) {
  const timer = setTimeout(() => socket.destroy(), ms);
  socket.on('data', () => timer.refresh());
  socket.on('close', () => clearTimeout(timer));
}

/** { write, onData, onClose }: `onClose` is called once, however it ends. */
function handlersOf(socket) {
  const connection = { onData: () => {}, onClose: () => {}, write: (bytes) => socket.write(bytes) };
  socket.on('data', (chunk) => connection.onData(chunk));
  socket.on('end', () => socket.destroy());
  socket.on('error', (error) => (connection.error = error));
  socket.on('close', () => connection.onClose(connection.error));
  return connection;
}

const among = (addresses) => (_, options, callback) =>
  callback(
    null,
    addresses.map((address) => ({ address, family: isIP(address) })),
  );
