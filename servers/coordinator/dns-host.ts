/** The DC's DNS on real sockets: UDP, and TCP with its two-byte lengths (RFC 7766). */
import type { Socket } from 'node:net';
import type { Endpoint } from '../../core/wire/addresses';
import { openBoth, openServerSocket, openServerSockets, type ServerSocket, type UdpServerSocket } from '../host';
import type { DnsServer } from './dns-server';

/** RFC 7766 section 6.2.3 asks for a few seconds. */
const IDLE_MS = 10_000;
const CONNECTIONS_LIMIT = 100;
const QUERY_LIMIT = 4096;

export interface DnsHost {
  readonly local: Endpoint;
  close(): Promise<void>;
}

/** Port 0: one that is free for UDP and TCP. */
export async function openDns(server: DnsServer, { address, port }: Endpoint): Promise<DnsHost> {
  const { udp, tcp } = await openBoth(
    port,
    (free) => openUdp(server, { address, port: free }),
    (same) => openTcp(server, same.local),
  );
  return { local: udp.local, close: async () => void (await Promise.all([udp.close(), tcp.close()])) };
}

async function openUdp(server: DnsServer, endpoint: Endpoint): Promise<UdpServerSocket> {
  const socket: UdpServerSocket = await openServerSocket(endpoint, (query, from) => {
    void server.answer(query, 'udp').then((answer) => answer && socket.send(answer, from));
  });
  return socket;
}

function openTcp(server: DnsServer, endpoint: Endpoint): Promise<ServerSocket> {
  let open = 0;
  return openServerSockets(endpoint, (socket) => {
    if (open >= CONNECTIONS_LIMIT) return void socket.destroy();
    open += 1;
    socket.on('close', () => (open -= 1));
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    serve(server, socket);
  });
}

/** One query at a time: reading stops while an answer is made, so a flood waits in the kernel. */
function serve(server: DnsServer, socket: Socket): void {
  let rest = Buffer.alloc(0);
  let busy = false;
  const next = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    socket.pause();
    for (let query = take(); query && !socket.destroyed; query = take()) {
      const answer = await server.answer(query, 'tcp');
      if (!answer) return void socket.destroy();
      const framed = Buffer.alloc(2 + answer.length);
      framed.writeUInt16BE(answer.length);
      framed.set(answer, 2);
      socket.write(framed);
    }
    busy = false;
    socket.resume();
  };
  const take = (): Buffer | undefined => {
    if (rest.length < 2) return undefined;
    const length = rest.readUInt16BE();
    if (length > QUERY_LIMIT) return void socket.destroy();
    if (rest.length < 2 + length) return undefined;
    const query = rest.subarray(2, 2 + length);
    rest = rest.subarray(2 + length);
    return query;
  };
  socket.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    void next();
  });
}
