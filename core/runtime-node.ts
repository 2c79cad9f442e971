/** The Runtime over Node's own clock, timers, randomness and sockets. Nothing here keeps a process alive. */
import { randomBytes } from 'node:crypto';
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns';
import { connect, isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type {
  Clock,
  DatagramPort,
  DatagramPortOptions,
  HostAddress,
  Random,
  Runtime,
  StreamPort,
  StreamPortOptions,
  Timers,
} from './runtime';
import type { Endpoint } from './wire/addresses';

// Taken before the shim patches them: the engine's own calls go to the host.
const hostLookup = lookup;
const hostSetTimeout = setTimeout;

/** Enough for a burst of a 4 MB window; the kernel caps it at net.core.rmem_max. */
const SOCKET_BUFFER = 4 * 1024 * 1024;

export const nodeClock: Clock = {
  now: () => performance.now(),
  wallTimeMs: () => performance.timeOrigin + performance.now(),
};

export const nodeTimers: Timers = {
  schedule(delayMs, fire) {
    const timer = hostSetTimeout(fire, delayMs).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

export const nodeRandom: Random = { bytes: (length) => new Uint8Array(randomBytes(length)) };

/** Endpoints are addresses already: answering at once keeps a send within the tick, and so before process exit. */
function noLookup(
  address: string,
  _options: unknown,
  answer: (error: null, address: string, family: number) => void,
): void {
  answer(null, address, isIPv6(address) ? 6 : 4);
}

export function openDatagramPort(options: DatagramPortOptions): Promise<DatagramPort> {
  const { family, address, port = 0, onDatagram, onSendError } = options;
  const type = family === 4 ? 'udp4' : 'udp6';
  const socket = createSocket({ type, ipv6Only: family === 6, lookup: noLookup });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ port, ...(address && { address }) }, () => {
      socket.off('error', reject);
      socket.on('error', () => {}); // an ICMP error that no send is to blame for
      enlargeBuffers(socket);
      socket.unref();
      socket.on('message', (datagram, from) => onDatagram(datagram, { address: from.address, port: from.port }));
      resolve({
        family,
        local: { address: socket.address().address, port: socket.address().port },
        send: (datagram, to) => {
          socket.send(datagram.slice(), to.port, to.address, (error) => error && onSendError(error, to));
        },
        close: () => socket.close(),
      });
    });
  });
}

function enlargeBuffers(socket: Socket): void {
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER);
    socket.setSendBufferSize(SOCKET_BUFFER);
  } catch {
    // the system's own sizes then
  }
}

function openStreamPort(to: Endpoint, { onConnect, onBytes, onClose }: StreamPortOptions): StreamPort {
  const socket = connect({ host: to.address, port: to.port, autoSelectFamily: false });
  let failure: Error | undefined;
  socket.unref();
  socket.setNoDelay(true);
  socket.on('connect', onConnect);
  socket.on('data', onBytes);
  socket.on('error', (error) => (failure = error));
  socket.on('close', () => onClose(failure));
  return { write: (bytes) => socket.write(bytes), close: () => socket.destroy() };
}

function hostAddresses(): HostAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([interfaceName, addresses = []]) =>
    addresses.map(({ address, family, internal }) => ({
      interfaceName,
      family: family === 'IPv4' ? (4 as const) : (6 as const),
      address,
      loopback: internal,
    })),
  );
}

function resolveHost(name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    hostLookup(name, (error, address) => (error ? reject(error) : resolve(address)));
  });
}

export const nodeRuntime: Runtime = {
  clock: nodeClock,
  timers: nodeTimers,
  random: nodeRandom,
  openDatagramPort,
  openStreamPort,
  hostAddresses,
  resolveHost,
};
