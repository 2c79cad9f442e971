/** The DC's DNS on real sockets: UDP, and TCP (dns-stream.ts). */
import type { Socket } from 'node:net';
import type { Endpoint } from '../../core/wire/addresses';
import { openBoth, openServerSocket, openServerSockets, type ServerSocket, type UdpServerSocket } from '../host';
import type { DnsServer } from './dns-server';
import { serveStream } from './dns-stream';

/** RFC 7766 section 6.2.3 asks for a few seconds. */
const IDLE_MS = 10_000;
const CONNECTIONS_LIMIT = 100;
/** RFC 7766 section 6.2.2: else one asker can keep all others out. */
const PER_SOURCE_LIMIT = 20;

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
    void server.answer(query, 'udp', from.address).then((answer) => answer && socket.send(answer, from));
  });
  return socket;
}

function openTcp(server: DnsServer, endpoint: Endpoint): Promise<ServerSocket> {
  const open = new Set<Socket>();
  return openServerSockets(endpoint, (socket) => {
    const { remoteAddress } = socket;
    const fromSource = [...open].filter((other) => other.remoteAddress === remoteAddress).length;
    if (open.size >= CONNECTIONS_LIMIT || fromSource >= PER_SOURCE_LIMIT) {
      server.drop('too many connections');
      return void socket.destroy();
    }
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    serveStream(server, socket);
  });
}
