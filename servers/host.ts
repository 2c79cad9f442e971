/** The real ports of servers: sockets that keep the process running, Node's clock, timers and randomness. */
import type { Socket as DatagramSocket } from 'node:dgram';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { nodeClock, nodeRandom, nodeTimers, openDatagramPort } from '../core/runtime-node';
import { type Endpoint, familyOf } from '../core/wire/addresses';
import { DatagramStreams } from './datagram-streams';
import type { ConnectionEvents, NodeStream } from './notification/connections';
import type { ServerMachine, ServerPorts } from './server-ports';

const FREE_PORT_TRIES = 20;
/** When a server restarts, all its nodes connect at once. The system may allow less (net.core.somaxconn). */
const BACKLOG = 4_096;
/** A node that does not read its notifications is cut off beyond this. */
const WRITE_QUEUE_LIMIT_BYTES = 64 * 1024;

export interface ServerSocket {
  readonly local: Endpoint;
  close(): Promise<void>;
}

export interface UdpServerSocket extends ServerSocket {
  readonly socket: DatagramSocket;
  send(datagram: Uint8Array, to: Endpoint): void;
}

/** Port 0: any free one. Rejects when the address cannot be bound. */
export async function openServerSocket(
  { address, port }: Endpoint,
  onDatagram: (datagram: Uint8Array, from: Endpoint) => void,
): Promise<UdpServerSocket> {
  const { socket, local, ...opened } = await openDatagramPort(
    // A destination that cannot be sent to is the network's matter: whoever waits for the answer asks again.
    { family: familyOf({ address }), address, port, onDatagram, onSendError: () => {} },
    'ref',
  );
  return { socket, local, send: (d, to) => opened.send(d, to), close: async () => opened.close() };
}

/** TCP. `close` also ends the connections. */
export async function openServerSockets(
  { address, port }: Endpoint,
  onConnection: (socket: Socket) => void,
): Promise<ServerSocket> {
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket));
    socket.on('error', () => {}); // 'close' follows
    onConnection(socket);
  });
  const local = await openListener(server, { address, port });
  return {
    local,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}

/** Calls `accept` for each connection; those it gives no events for are closed. */
export function openServerStreams(
  endpoint: Endpoint,
  accept: (stream: NodeStream) => ConnectionEvents | undefined,
  writeQueueLimitBytes = WRITE_QUEUE_LIMIT_BYTES,
): Promise<ServerSocket> {
  return openServerSockets(endpoint, (socket) => {
    const events = accept(nodeStream(socket, writeQueueLimitBytes));
    if (!events) return void socket.destroy();
    socket.on('data', (bytes: Buffer) => events.bytes(bytes));
    socket.on('close', () => events.ended());
  });
}

/** UDP and TCP on one port number, as DNS needs. `port` 0: one that is free for both. */
export async function openBoth<A extends ServerSocket, B extends ServerSocket>(
  port: number,
  openUdp: (port: number) => Promise<A>,
  openTcp: (udp: A) => Promise<B>,
): Promise<{ udp: A; tcp: B }> {
  for (let tries = 1; ; tries++) {
    const udp = await openUdp(port);
    try {
      return { udp, tcp: await openTcp(udp) };
    } catch (error) {
      await udp.close();
      if (port !== 0 || tries === FREE_PORT_TRIES) throw error;
    }
  }
}

/** Who wants to know what the machine does; and its transactions' clock. */
export type Watch = Pick<ServerPorts, 'trace' | 'onHandled' | 'transactionTimeMs'>;

export interface HostedMachine<M extends ServerMachine> extends ServerSocket {
  readonly machine: M;
  readonly sockets: readonly DatagramSocket[];
  /** Where datagrams come and go over TLS; the listeners are host-streams.ts's. */
  readonly streams: DatagramStreams;
}

/**
 * A machine on a UDP socket, or on several: of each IP version one at most. It is made once the sockets are there,
 * since it may need to know its address, and perhaps to ask somebody first: `meanwhile` hears what arrives until then.
 */
export async function hostMachine<M extends ServerMachine>(
  endpoint: Endpoint | readonly Endpoint[],
  watch: Watch,
  make: (
    ports: ServerPorts,
    local: Endpoint,
    meanwhile: (receiver: Pick<ServerMachine, 'receive'>) => void,
  ) => M | Promise<M>,
): Promise<HostedMachine<M>> {
  const sockets: UdpServerSocket[] = [];
  const close = async (): Promise<void> => void (await Promise.all(sockets.map((socket) => socket.close())));
  let receiver: Pick<ServerMachine, 'receive' | 'streamEnded'> | undefined;
  let [ipv4, ipv6]: (UdpServerSocket | undefined)[] = [];
  const receive = (datagram: Uint8Array, from: Endpoint): void => receiver?.receive(datagram, from);
  const streams = new DatagramStreams({ clock: nodeClock, timers: nodeTimers }, receive, {}, (from) =>
    receiver?.streamEnded?.(from),
  );
  const transmit = (datagram: Uint8Array, to: Endpoint): void =>
    to.stream ? streams.send(datagram, to) : (to.address.includes(':') ? ipv6 : ipv4)?.send(datagram, to);
  try {
    for (const at of 'address' in endpoint ? [endpoint] : endpoint) {
      const socket = await openServerSocket(at, receive);
      sockets.push(socket);
      if (familyOf(at) === 6) ipv6 = socket;
      else ipv4 = socket;
    }
    const { local } = sockets[0]!;
    const machine = await make({ ...serverPorts(watch), transmit }, local, (other) => (receiver = other));
    receiver = machine;
    return {
      ...{ machine, local, streams, sockets: sockets.map(({ socket }) => socket) },
      async close() {
        await machine.close();
        streams.close();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function serverPorts({ trace, onHandled, transactionTimeMs }: Watch): Omit<ServerPorts, 'transmit'> {
  return {
    ...{ clock: nodeClock, timers: nodeTimers, random: nodeRandom, trace },
    ...(onHandled && { onHandled }),
    ...(transactionTimeMs && { transactionTimeMs }),
  };
}

function nodeStream(socket: Socket, writeQueueLimitBytes: number): NodeStream {
  return {
    sourceAddress: socket.remoteAddress ?? '',
    write(bytes) {
      if (socket.destroyed) return;
      if (socket.writableLength > writeQueueLimitBytes) socket.destroy();
      else socket.write(bytes);
    },
    close: () => void socket.destroy(),
  };
}

/** Where it listens then. Rejects when the address cannot be bound. */
export function openListener(server: Server, { address, port }: Endpoint): Promise<Endpoint> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port, backlog: BACKLOG }, () => {
      server.off('error', reject);
      server.on('error', () => {}); // accepting failed for one connection, e.g. EMFILE
      const bound = server.address() as AddressInfo;
      resolve({ address: bound.address, port: bound.port });
    });
  });
}
