/** The real ports of servers: sockets that keep the process running, Node's clock, timers and randomness. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { DatagramPort } from '../core/runtime';
import { nodeClock, nodeRandom, nodeTimers, openDatagramPort } from '../core/runtime-node';
import type { Endpoint } from '../core/wire/addresses';
import type { ConnectionEvents, NodeStream } from './notification/connections';
import type { ServerMachine, ServerPorts } from './server-ports';

const FREE_PORT_TRIES = 20;
/** A node that does not read its notifications is cut off beyond this. */
const WRITE_QUEUE_LIMIT_BYTES = 64 * 1024;

export interface ServerSocket {
  readonly local: Endpoint;
  close(): Promise<void>;
}

export interface UdpServerSocket extends ServerSocket {
  send(datagram: Uint8Array, to: Endpoint): void;
}

/** Port 0: any free one. Rejects when the address cannot be bound. */
export async function openServerSocket(
  { address, port }: Endpoint,
  onDatagram: (datagram: Uint8Array, from: Endpoint) => void,
): Promise<UdpServerSocket> {
  const socket: DatagramPort = await openDatagramPort(
    // A destination that cannot be sent to is the network's matter: whoever waits for the answer asks again.
    { family: familyOf({ address, port }), address, port, onDatagram, onSendError: () => {} },
    'ref',
  );
  return { local: socket.local, send: (d, to) => socket.send(d, to), close: async () => socket.close() };
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
  await listen(server, { address, port });
  return {
    local: endpointOf(server),
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
): Promise<ServerSocket> {
  return openServerSockets(endpoint, (socket) => {
    const events = accept(nodeStream(socket));
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

/** Who wants to know what the machine does. */
export type Watch = Pick<ServerPorts, 'trace' | 'onHandled'>;

export interface HostedMachine<M extends ServerMachine> extends ServerSocket {
  readonly machine: M;
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
  let receiver: Pick<ServerMachine, 'receive'> | undefined;
  const transmit = (datagram: Uint8Array, to: Endpoint): void => {
    const family = familyOf(to);
    sockets.find(({ local }) => familyOf(local) === family)?.send(datagram, to);
  };
  try {
    for (const at of 'address' in endpoint ? [endpoint] : endpoint) {
      sockets.push(await openServerSocket(at, (datagram, from) => receiver?.receive(datagram, from)));
    }
    const { local } = sockets[0]!;
    const machine = await make({ ...serverPorts(watch), transmit }, local, (other) => (receiver = other));
    receiver = machine;
    return {
      ...{ machine, local },
      close() {
        machine.close();
        return close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function familyOf({ address }: Endpoint): 4 | 6 {
  return address.includes(':') ? 6 : 4;
}

function serverPorts({ trace, onHandled }: Watch): Omit<ServerPorts, 'transmit'> {
  return { clock: nodeClock, timers: nodeTimers, random: nodeRandom, trace, ...(onHandled && { onHandled }) };
}

function nodeStream(socket: Socket): NodeStream {
  return {
    sourceAddress: socket.remoteAddress ?? '',
    write(bytes) {
      if (socket.destroyed) return;
      if (socket.writableLength > WRITE_QUEUE_LIMIT_BYTES) socket.destroy();
      else socket.write(bytes);
    },
    close: () => void socket.destroy(),
  };
}

function endpointOf(server: Server): Endpoint {
  const { address, port } = server.address() as AddressInfo;
  return { address, port };
}

function listen(server: Server, { address, port }: Endpoint): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: address, port }, () => {
      server.off('error', reject);
      server.on('error', () => {}); // accepting failed for one connection, e.g. EMFILE
      resolve();
    });
  });
}
