/** UDP: every handle that a program binds is a RoutedDatagram; the node's own sockets stay as they are. */
import type { VirtualNetwork } from '../../core/virtual-network';
import { DatagramOutbox } from '../datagram-outbox';
import {
  reachTcp,
  reachUdp,
  type AddressOut,
  type AnyFunction,
  type SendRequest,
  type UdpHandle,
} from '../node-internals';
import type { Patches } from '../patch';
import { whenAddressDecided } from './name-lookup';
import { bindPlace, type ListenMode } from '../policy';
import { RoutedDatagram, type Binding, type RealUdp } from '../routed-datagram';

/** On the node's own sockets (core/runtime-node.ts), by which the virtual network sends. */
const HOST_SOCKET = Symbol.for('ntmobile.host');

/** What RoutedDatagram has a method of its own for, when it has taken the handle. */
const ROUTED = [
  'disconnect',
  'recvStart',
  'recvStop',
  'getsockname',
  'getpeername',
  'getSendQueueSize',
  'getSendQueueCount',
] as const;
const REAL = ['bind', 'send', 'connect', 'bind6', 'send6', 'connect6', 'bufferSize', ...ROUTED] as const;
type Real = Pick<UdpHandle, (typeof REAL)[number]>;

export function hookDatagrams(network: VirtualNetwork, patches: Patches, mode: ListenMode): void {
  const { UDP, Socket } = reachUdp();
  const { ownerSymbol } = reachTcp();
  const prototype = UDP.prototype as UdpHandle;
  const real = Object.fromEntries(REAL.map((name) => [name, prototype[name]])) as unknown as Real;
  const real6 = { ...real, bind: real.bind6, send: real.send6, connect: real.connect6 };
  const outbox = new DatagramOutbox(network);
  const routed = new WeakMap<UdpHandle, RoutedDatagram>();
  const boundBySending = new WeakSet<object>();

  const hook = (name: keyof UdpHandle, make: (original: AnyFunction) => AnyFunction): void =>
    patches.replace(prototype, name, make);
  const ownerOf = (handle: UdpHandle): object | undefined =>
    (handle as unknown as Record<symbol, object | undefined>)[ownerSymbol];

  function route(handle: UdpHandle, binding: Binding): RoutedDatagram {
    const ofFamily: RealUdp = binding.family === 4 ? real : real6;
    const made = new RoutedDatagram(handle, ofFamily, network, outbox, binding);
    routed.set(handle, made);
    const { lookup } = handle;
    if (lookup) handle.lookup = (...args) => whenAddressDecided(args[0], network, () => lookup(...args));
    return made;
  }

  /** What this process did not bind itself: from a file descriptor, or from a cluster's primary, which has the port. */
  function adopt(handle: UdpHandle, from: 'descriptor' | 'primary'): RoutedDatagram | undefined {
    const out: AddressOut = {};
    if (real.getsockname.call(handle, out) !== 0 || out.address === undefined) return undefined;
    const { address, family, port = 0 } = out;
    // The port is open on the host in any case, so that `virtual` means the same as `both`.
    const place = from === 'primary' || bindPlace(address, mode, network) === 'host' ? 'host' : 'both';
    return route(handle, { place, address, port, family: family === 'IPv6' ? 6 : 4, flags: 0 });
  }

  patches.replace(
    Socket.prototype,
    'bind',
    (bind) =>
      function (this: object, ...args: unknown[]): unknown {
        if (isOfSending(args)) boundBySending.add(this);
        return Reflect.apply(bind, this, args);
      },
  );
  for (const family of [4, 6] as const) {
    const suffix = family === 4 ? '' : '6';
    hook(
      `bind${suffix}`,
      (bind) =>
        function (this: UdpHandle, address: string, port: number, flags = 0): number {
          const owner = ownerOf(this);
          if (owner && HOST_SOCKET in owner) {
            Object.assign(this, family === 4 ? real : real6);
            return Reflect.apply(bind, this, [address, port, flags]) as number;
          }
          const place = typeof address === 'string' ? bindPlace(address, mode, network) : 'host';
          const isImplicit = owner !== undefined && boundBySending.has(owner);
          return route(this, { place, address, port, family, flags, isImplicit }).bind();
        },
    );
    hook(
      `send${suffix}`,
      (send) =>
        function (this: UdpHandle, ...args: [SendRequest, ArrayBufferView[], number, ...unknown[]]): number {
          return routed.get(this)?.send(...args) ?? (Reflect.apply(send, this, args) as number);
        },
    );
    hook(
      `connect${suffix}`,
      (connect) =>
        function (this: UdpHandle, address: string, port: number): number {
          return routed.get(this)?.connect(address, port) ?? (Reflect.apply(connect, this, [address, port]) as number);
        },
    );
  }
  hook(
    'open',
    (open) =>
      function (this: UdpHandle, descriptor: number): number {
        const error = Reflect.apply(open, this, [descriptor]) as number;
        if (!error) adopt(this, 'descriptor')?.adopt();
        return error;
      },
  );
  for (const name of ROUTED) {
    hook(
      name,
      (original) =>
        function (this: UdpHandle, out: AddressOut): number {
          const side = routed.get(this) ?? (name === 'recvStart' ? adopt(this, 'primary') : undefined);
          return side ? side[name](out) : (Reflect.apply(original, this, [out]) as number);
        },
    );
  }
  hook(
    'bufferSize',
    (bufferSize) =>
      function (this: UdpHandle, size: number, isReceive: boolean, context: object): number | undefined {
        const result = Reflect.apply(bufferSize, this, [size, isReceive, context]) as number | undefined;
        if (size !== 0 && isReceive && result !== undefined) {
          routed.get(this)?.receiveBufferChanged(real.bufferSize.call(this, 0, true, {}) ?? result);
        }
        return result;
      },
  );
  for (const name of ['ref', 'unref'] as const) {
    hook(
      name,
      (original) =>
        function (this: UdpHandle): unknown {
          routed.get(this)?.setReferenced(name === 'ref');
          return Reflect.apply(original, this, []);
        },
    );
  }
  hook(
    'close',
    (close) =>
      function (this: UdpHandle, ...args: unknown[]): unknown {
        routed.get(this)?.close();
        routed.delete(this);
        return Reflect.apply(close, this, args);
      },
  );
}

/** send() and connect() say `bind({ port: 0, exclusive: true }, null)`; a program has no reason for this null. */
function isOfSending([options, callback]: readonly unknown[]): boolean {
  if (typeof options !== 'object' || options === null || callback !== null) return false;
  const { port, exclusive } = options as { port?: unknown; exclusive?: unknown };
  return port === 0 && exclusive === true;
}
