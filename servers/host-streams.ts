/** TLS listeners of a server, whose connections carry datagrams (datagram-streams.ts). */
import { createServer, type Server, type Socket } from 'node:net';
import {
  createSecureContext,
  createServer as createTlsServer,
  type Server as TlsServer,
  type TLSSocket,
} from 'node:tls';
import type { Endpoint } from '../core/wire/addresses';
import type { DatagramStream, DatagramStreams } from './datagram-streams';
import { openListener, type ServerSocket } from './host';

const HANDSHAKE_MS = 5_000;
/** Handshakes under way, each some 100 µs of work and 50 kB. */
const HANDSHAKES_LIMIT = 256;
/** TCP's own, so that a node that vanished is noticed, and a NAT in between does not forget the connection. */
const KEEP_ALIVE_MS = 180_000;

/** PEM: a certificate with its chain, and its secret key. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/**
 * `certificate` is asked for at the first connection: a self-signed one may have to be made. Nodes do not look at it;
 * what they say is sealed to keys that they know.
 */
export async function openStreamListener(
  at: Endpoint,
  streams: DatagramStreams,
  certificate: () => Promise<Certificate>,
): Promise<ServerSocket> {
  const open = new Set<Socket>();
  /** Handshakes under way. */
  const shaking = new Set<string>();
  let tls: Promise<TlsServer> | undefined;
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) => {
    open.add(socket);
    socket.on('error', () => {}); // 'close' follows
    const name = nameOf(socket);
    socket.on('close', () => {
      open.delete(socket);
      shaking.delete(name);
    });
    const isCrowded = shaking.size >= HANDSHAKES_LIMIT;
    if (isCrowded) streams.count('too many connections');
    if (isCrowded || !streams.mayAccept(socket.remoteAddress ?? '')) return void socket.destroy();
    shaking.add(name);
    tls ??= certificate().then((given) => tlsServer(given, streams, (shaken) => shaking.delete(nameOf(shaken))));
    tls.then(
      (made) => made.emit('connection', socket), // node:tls documents this as the way to give it a connection
      () => {
        tls = undefined;
        socket.destroy();
      },
    );
  });
  const local = await openListener(server, at);
  return { local, close: () => closeAll(server, open) };
}

function tlsServer(
  { cert, key }: Certificate,
  streams: DatagramStreams,
  onShaken: (socket: Socket) => void,
): TlsServer {
  const server = createTlsServer({ cert, key, handshakeTimeout: HANDSHAKE_MS, minVersion: 'TLSv1.2' });
  server.on('tlsClientError', (_, socket) => {
    streams.count('no handshake');
    socket.destroy();
  });
  server.on('secureConnection', (socket) => {
    onShaken(socket);
    carry(socket, streams);
  });
  return server;
}

function carry(socket: TLSSocket, streams: DatagramStreams): void {
  socket.on('error', () => {}); // 'close' follows
  const events = streams.accept(datagramStream(socket));
  if (!events) return void socket.destroy();
  socket.on('data', (bytes: Buffer) => events.bytes(bytes));
  socket.on('end', () => socket.destroy());
  socket.on('close', () => events.ended());
}

/** What is written in one turn of the event loop is one TLS record where it fits. */
function datagramStream(socket: TLSSocket): DatagramStream {
  let corked = false;
  const uncork = (): void => {
    corked = false;
    socket.uncork();
  };
  return {
    source: { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 },
    get queuedBytes() {
      return socket.writableLength;
    },
    write(bytes) {
      if (socket.destroyed) return;
      if (!corked) {
        corked = true;
        socket.cork();
        setImmediate(uncork);
      }
      socket.write(bytes);
    },
    close: () => void socket.destroy(),
  };
}

/** Throws what node:tls has against it. */
export function checkCertificate({ cert, key }: Certificate): void {
  createSecureContext({ cert, key });
}

function closeAll(server: Server, open: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of open) socket.destroy();
  });
}

function nameOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
