/**
 * The ports of runtime.ts on Node's own clock, timers and sockets. Nothing here keeps a process alive.
 *
 * Names, timers and interfaces are taken from Node when this module loads, so that a preload which patches Node later
 * does not reach them; the shim's own hooks of sockets let real addresses through. It is loaded before a program's first
 * line, so what else it needs of Node is loaded when it is used.
 */
import type { Socket as DatagramSocket } from 'node:dgram';
import { lookup } from 'node:dns';
import { writeSync } from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { TLSSocket } from 'node:tls';
import { getSystemErrorName } from 'node:util';
import { inPollPhase } from './poll-phase';
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
import { ENOBUFS, HandleSender, QUEUE_LIMIT_BYTES, udpHandle, type FoundHandle } from './udp-handle';
import type { Endpoint } from './wire/addresses';

const { setTimeout, clearTimeout } = globalThis;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const hostLookup = lookup;
const hostInterfaces = networkInterfaces;
/* eslint-disable @typescript-eslint/no-require-imports */
const crypto = (): typeof import('node:crypto') => require('node:crypto') as typeof import('node:crypto');
const dgram = (): typeof import('node:dgram') => require('node:dgram') as typeof import('node:dgram');
const tlsModule = (): typeof import('node:tls') => require('node:tls') as typeof import('node:tls');
const files = (): typeof import('node:fs/promises') => require('node:fs/promises') as typeof import('node:fs/promises');
const gatewayNode = (): typeof import('./gateway-node') => require('./gateway-node') as typeof import('./gateway-node');
const networkEvents = (): typeof import('./network-events-node') =>
  require('./network-events-node') as typeof import('./network-events-node');
/* eslint-enable @typescript-eslint/no-require-imports */

/** Asked for, not insisted on: the kernel caps it at net.core.rmem_max. Bursts of a fast tunnel fit. */
const SOCKET_BUFFER_BYTES = 4 << 20;
const RECENT_SENDERS = 8;
/** On sockets that are the node's own: the shim leaves them alone (shim/hooks/dgram.ts). */
const HOST_SOCKET = Symbol.for('ntmobile.host');
/** Beyond this the wall clock was set since the process started, and Date.now() is the better answer. */
const WALL_CLOCK_SET_MS = 50;

export const nodeClock: Clock = {
  now: () => performance.now(),
  wallTimeMs() {
    const precise = performance.timeOrigin + performance.now();
    const coarse = Date.now();
    return Math.abs(precise - coarse) < WALL_CLOCK_SET_MS ? precise : coarse;
  },
};

/**
 * To standard error, at once. Not by process.stderr, which is made when it is first asked for, and ends a program that
 * listens for no errors of it when nobody reads it any more. What cannot be written is lost.
 */
export function writeError(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // as said
  }
}

/** Keeps the process until the result is called, as a socket would that is not ours alone. */
export function holdProcess(): () => void {
  const held = setTimeout(() => {}, LONGEST_TIMER_MS);
  return () => clearTimeout(held);
}

/** Of the time since its last call, what this process's event loop was busy: 0 to 1. */
export function busyMeter(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}

export const nodeTimers: Timers = {
  schedule(delayMs, fire) {
    const timeout = setTimeout(fire, delayMs).unref();
    return { cancel: () => clearTimeout(timeout) };
  },
  soon: inPollPhase,
};

/** Drawn at once: a draw by itself takes ten times as long as what a nonce needs it for. */
const RANDOM_POOL_BYTES = 4_096;
let randomPool = new Uint8Array(0);
let randomPoolUsed = 0;

/** Nothing that was given stays in the pool: it may have become a key. */
export const nodeRandom: Random = {
  bytes(length) {
    if (length > RANDOM_POOL_BYTES / 16) return new Uint8Array(crypto().randomBytes(length));
    if (randomPoolUsed + length > randomPool.length) {
      randomPool = new Uint8Array(crypto().randomBytes(RANDOM_POOL_BYTES));
      randomPoolUsed = 0;
    }
    const end = randomPoolUsed + length;
    const bytes = randomPool.slice(randomPoolUsed, end);
    randomPool.fill(0, randomPoolUsed, end);
    randomPoolUsed = end;
    return bytes;
  },
};

export const nodeRuntime: Runtime = {
  clock: nodeClock,
  timers: nodeTimers,
  random: nodeRandom,
  openDatagramPort: (options) => openDatagramPort(options, 'unref'),
  openStreamPort,
  hostAddresses,
  ...(process.platform === 'linux' && { defaultRoutes: () => networkEvents().defaultRoutes() }),
  sourceAddress: localAddress,
  watchNetwork: (onChange, onState) =>
    networkEvents().watchNetwork({ timers: nodeTimers, now: () => performance.now(), onChange, onState }),
  interfaceMtu,
  cutPackets,
  resolveHost,
  gateway: () => gatewayNode().gatewayAccess(nodeTimers, localAddress),
};

/** With the socket under it, which other processes can be given. */
export interface NodeDatagramPort extends DatagramPort {
  readonly socket: DatagramSocket;
}

/** Servers open theirs with `ref`: an open port is what keeps a server's process running. */
export function openDatagramPort(
  options: DatagramPortOptions,
  lifetime: 'ref' | 'unref',
  findHandle = udpHandle,
): Promise<NodeDatagramPort> {
  const { family, address, port = 0 } = options;
  const socket = dgram().createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    ipv6Only: family === 6,
    lookup: literal,
  });
  Object.defineProperty(socket, HOST_SOCKET, { value: true });
  if (lifetime === 'unref') socket.unref();
  receiveBy(socket, options);
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    // Not one socket for all of a cluster's workers: each is a node of its own.
    socket.bind({ port, exclusive: true, ...(address !== undefined && { address }) }, () => {
      socket.off('error', reject);
      // An asynchronous error of a bound socket says nothing about a destination, and the next send tells.
      socket.on('error', () => {});
      growBuffers(socket);
      resolve(datagramPort(socket, options, findHandle(socket)));
    });
  });
}

/** On a bound socket that another process opened, and reads too (child_process's `sendHandle`). */
export function sharedDatagramPort(socket: DatagramSocket, options: DatagramPortOptions): NodeDatagramPort {
  receiveBy(socket, options);
  socket.on('error', () => {});
  return datagramPort(socket, options, udpHandle(socket));
}

function receiveBy(socket: DatagramSocket, { onDatagram }: DatagramPortOptions): void {
  const senders = new Senders();
  socket.on('message', (datagram, from) => onDatagram(datagram, senders.endpoint(from)));
}

/**
 * Destinations are literals, so nothing is looked up: a send then happens in the same tick.
 * Node calls it as (address, family, callback).
 */
function literal(
  address: string,
  family: unknown,
  callback: (error: NodeJS.ErrnoException | null, address: string, family: number) => void,
): void {
  callback(null, address, family === 6 ? 6 : 4);
}

function datagramPort(socket: DatagramSocket, options: DatagramPortOptions, found?: FoundHandle): NodeDatagramPort {
  const { family } = options;
  const bound = socket.address();
  let open = true;
  const onSendError: DatagramPortOptions['onSendError'] = (error, to) => open && options.onSendError(error, to);
  const failed = (errno: number, to: Endpoint): void => process.nextTick(onSendError, sendError(errno, to), to);
  const direct = found && new HandleSender(found, failed);
  return {
    ...{ family, socket },
    local: { address: bound.address, port: bound.port },
    send(datagram, to) {
      if (!open) return;
      if (direct && (to.port & 0xffff) === to.port && to.port !== 0) return direct.send(datagram, to);
      if (socket.getSendQueueSize() >= QUEUE_LIMIT_BYTES) return failed(ENOBUFS, to);
      try {
        // A copy, since Node keeps the buffer when the kernel's is full.
        socket.send(Buffer.from(datagram), to.port, to.address, (error) => error && onSendError(error, to));
      } catch (error) {
        process.nextTick(onSendError, error, to); // e.g. port 0
      }
    },
    close() {
      if (open) socket.close();
      open = false;
    },
  };
}

/** As Node shapes it. */
function sendError(errno: number, { address, port }: Endpoint): Error & { code: string } {
  const code = getSystemErrorName(errno);
  return Object.assign(new Error(`send ${code} ${address}:${port}`), { errno, code, syscall: 'send', address, port });
}

/** One object for each of those heard of last: comparing it with itself is how most senders are recognised. */
class Senders {
  private readonly recent: Endpoint[] = [];
  private next = 0;

  endpoint({ address, port }: Endpoint): Endpoint {
    for (const known of this.recent) if (known.port === port && known.address === address) return known;
    const sender = { address, port };
    this.recent[this.next] = sender;
    this.next = (this.next + 1) % RECENT_SENDERS;
    return sender;
  }
}

function growBuffers(socket: DatagramSocket): void {
  try {
    socket.setRecvBufferSize(SOCKET_BUFFER_BYTES);
    socket.setSendBufferSize(SOCKET_BUFFER_BYTES);
  } catch {
    // The system's defaults then.
  }
}

/** TCP's own keep alives: a NAT on the way does not forget the connection, and one that is dead is noticed. */
const STREAM_KEEP_ALIVE_MS = 180_000;

function openStreamPort(
  { address: host, port }: Endpoint,
  { tls, localAddress, onConnect, onBytes, onClose }: StreamPortOptions,
): StreamPort {
  const socket = tls
    ? connectTls({ host, port }, tls.serverName)
    : connect({ host, port, noDelay: true, ...(localAddress !== undefined && { localAddress }) });
  socket.unref();
  let failure: Error | undefined;
  socket.on(tls ? 'secureConnect' : 'connect', onConnect);
  socket.on('data', (bytes: Buffer) => onBytes(bytes));
  socket.on('error', (error) => (failure = error));
  socket.on('close', () => onClose(failure));
  return {
    get queuedBytes() {
      return socket.writableLength;
    },
    write: (bytes) => void (socket.destroyed || socket.write(bytes)),
    close: () => void socket.destroy(),
  };
}

function connectTls(to: { host: string; port: number }, serverName: string | undefined): TLSSocket {
  const socket = tlsModule().connect({
    ...{ ...to, rejectUnauthorized: false, minVersion: 'TLSv1.2' },
    ...(serverName !== undefined && { servername: serverName }),
  });
  socket.setNoDelay();
  return socket.setKeepAlive(true, STREAM_KEEP_ALIVE_MS);
}

/** Without IPv6 link-local addresses: they need a zone, which nobody but this host can name. */
export function hostAddresses(): HostAddress[] {
  return Object.entries(hostInterfaces()).flatMap(([interfaceName, addresses = []]) =>
    addresses
      .filter(({ address }) => !/^fe[89ab]/i.test(address))
      .map(({ family, address, internal }) => ({
        interfaceName,
        family: family === 'IPv6' ? (6 as const) : (4 as const),
        address,
        loopback: internal,
      })),
  );
}

/** From Linux's sysfs. A host reaches its own addresses by its loopback interface. */
async function interfaceMtu(to: Endpoint): Promise<number | undefined> {
  const all = Object.entries(hostInterfaces());
  const owner = (address: string): string | undefined =>
    all.find(([, addresses = []]) => addresses.some((own) => own.address === address))?.[0];
  const name = owner(to.address) === undefined ? owner(await localAddress(to)) : 'lo';
  if (name === undefined) return undefined;
  const text = await files()
    .readFile(`/sys/class/net/${name}/mtu`, 'latin1')
    .catch(() => '');
  return Number.parseInt(text, 10) || undefined;
}

/** From Linux's procfs (RFC 4293: ipSystemStatsOutFragOKs). */
async function cutPackets(): Promise<number | undefined> {
  const [ipv4, ipv6] = await Promise.all(
    ['snmp', 'snmp6'].map((file) =>
      files()
        .readFile(`/proc/self/net/${file}`, 'latin1')
        .catch(() => ''),
    ),
  );
  const [names = [], values = []] = ipv4!
    .split('\n')
    .filter((line) => line.startsWith('Ip:'))
    .map((line) => line.split(' '));
  const cut4 = Number(values[names.indexOf('FragOKs')]);
  const cut6 = Number(/^Ip6FragOKs\s+(\d+)/m.exec(ipv6!)?.[1] ?? 0);
  return Number.isNaN(cut4) ? undefined : cut4 + cut6;
}

/** The address that this host sends from to this endpoint; empty when there is no route. */
function localAddress({ address, port }: Endpoint): Promise<string> {
  return new Promise((resolve) => {
    const socket = dgram().createSocket({ type: address.includes(':') ? 'udp6' : 'udp4', lookup: literal });
    Object.defineProperty(socket, HOST_SOCKET, { value: true });
    socket.unref(); // a look keeps no program running
    const done = (local: string): void => {
      socket.close();
      resolve(local);
    };
    socket.once('error', () => done(''));
    socket.once('connect', () => done(socket.address().address));
    socket.connect(port, address); // Node calls a callback of its own with the error, too, when the socket is bound
  });
}

function resolveHost(name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    hostLookup(name, (error, address) => (error ? reject(error) : resolve(address)));
  });
}
