/* global Deno */
/**
 * QUIC of Deno, which is quinn: one bidirectional stream for a connection. The client's socket is bound to no address, so
 * that it sends from whichever the host has; the server follows it (RFC 9000, section 9).
 */

/** The client tells by itself that it is there: without it a download has nobody who tells of a move. */
const KEEP_ALIVE_MS = 1_000;
const PATIENCE_MS = 600_000;
const common = { alpnProtocols: ['bench'], keepAliveInterval: KEEP_ALIVE_MS, maxIdleTimeout: PATIENCE_MS };

export async function listen({ port, certificate }, onConnection) {
  const endpoint = new Deno.QuicEndpoint({ hostname: '::', port });
  const listener = endpoint.listen({ ...common, ...certificate });
  void serve(listener, onConnection);
}

async function serve(listener, onConnection) {
  for (;;) void serveStreams(await listener.accept(), onConnection);
}

async function serveStreams(connection, onConnection) {
  try {
    for await (const stream of connection.incomingBidirectionalStreams) {
      const handlers = handlersOf(stream, connection);
      onConnection(handlers);
    }
  } catch {
    // its handlers have been told
  }
}

export function dial({ host, port }, onConnection) {
  const connection = { onData: () => {}, onClose: () => {}, write: () => {} };
  void (async () => {
    const opened = await Deno.connectQuic({ ...common, hostname: host, port });
    const stream = await opened.createBidirectionalStream();
    const handlers = handlersOf(stream, opened);
    connection.write = handlers.write;
    connection.moved = () => void opened.sendDatagram(new Uint8Array(1)).catch(() => {});
    handlers.onData = (chunk) => connection.onData(chunk);
    handlers.onClose = (error) => connection.onClose(error);
    onConnection(connection);
  })().catch((error) => connection.onClose(error));
  return connection;
}

function handlersOf({ readable, writable }, quic) {
  const writer = writable.getWriter();
  const connection = { onData: () => {}, onClose: () => {}, write: (bytes) => void writer.write(bytes).catch(over) };
  let isOver = false;
  function over(error) {
    if (isOver) return;
    isOver = true;
    connection.onClose(error);
  }
  quic.closed.then(over, over);
  void (async () => {
    for await (const chunk of readable) connection.onData(chunk);
  })().then(over, over);
  return connection;
}
