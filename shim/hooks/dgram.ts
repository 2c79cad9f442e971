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
import { bindPlace, unmapped, type ListenMode } from '../policy';
import { RoutedDatagram, type Binding } from '../routed-datagram';

/** On the node's own sockets (core/runtime-node.ts), by which the virtual network sends. */
const HOST_SOCKET = Symbol.for('ntmobile.host');

const METHODS = [
  'bind',
  'send',
  'connect',
  'bind6',
  'send6',
  'connect6',
  'disconnect',
  'recvStart',
  'recvStop',
] as const;
const NAMES = ['getsockname', 'getpeername'] as const;
type Real = Pick<UdpHandle, (typeof METHODS)[number] | (typeof NAMES)[number]>;

export function hookDatagrams(network: VirtualNetwork, patches: Patches, mode: ListenMode): void {
  const UDP = reachUdp();
  const { ownerSymbol } = reachTcp();
  const prototype = UDP.prototype as UdpHandle;
  const real = Object.fromEntries([...METHODS, ...NAMES].map((name) => [name, prototype[name]])) as unknown as Real;
  const real6 = { ...real, bind: real.bind6, send: real.send6, connect: real.connect6 };
  const outbox = new DatagramOutbox(network);
  const routed = new WeakMap<UdpHandle, RoutedDatagram>();

  const hook = (name: keyof UdpHandle, make: (original: AnyFunction) => AnyFunction): void =>
    patches.replace(prototype, name, make);

  function route(handle: UdpHandle, binding: Binding): RoutedDatagram {
    const made = new RoutedDatagram(handle, binding.family === 4 ? real : real6, network, outbox, binding);
    routed.set(handle, made);
    return made;
  }

  /** Of a handle that this process did not bind: from a file descriptor, or from a cluster's primary. */
  function unbound(handle: UdpHandle, address: unknown, family: 4 | 6): RoutedDatagram | undefined {
    if (typeof address !== 'string' || !network.isVirtualAddress(unmapped(address))) return undefined;
    const wildcard = family === 4 ? '0.0.0.0' : '::';
    const made = route(handle, { place: 'host', address: wildcard, port: 0, family, flags: 0 });
    made.recvStart(); // as node:dgram has done for every handle that is bound
    return made;
  }

  for (const family of [4, 6] as const) {
    const suffix = family === 4 ? '' : '6';
    hook(
      `bind${suffix}`,
      (bind) =>
        function (this: UdpHandle, address: string, port: number, flags = 0): number {
          const owner = (this as unknown as Record<symbol, object | undefined>)[ownerSymbol];
          if (owner && HOST_SOCKET in owner) {
            Object.assign(this, family === 4 ? real : real6);
            return Reflect.apply(bind, this, [address, port, flags]) as number;
          }
          const place = typeof address === 'string' ? bindPlace(address, mode, network) : 'host';
          return route(this, { place, address, port, family, flags }).bind();
        },
    );
    hook(
      `send${suffix}`,
      (send) =>
        function (this: UdpHandle, ...args: [SendRequest, ArrayBufferView[], number, ...unknown[]]): number {
          const side = routed.get(this) ?? unbound(this, args[4], family);
          return side ? side.send(...args) : (Reflect.apply(send, this, args) as number);
        },
    );
    hook(
      `connect${suffix}`,
      (connect) =>
        function (this: UdpHandle, address: string, port: number): number {
          const side = routed.get(this) ?? unbound(this, address, family);
          return side ? side.connect(address, port) : (Reflect.apply(connect, this, [address, port]) as number);
        },
    );
  }
  for (const name of ['disconnect', 'recvStart', 'recvStop'] as const) {
    hook(
      name,
      (original) =>
        function (this: UdpHandle): number {
          return routed.get(this)?.[name]() ?? (Reflect.apply(original, this, []) as number);
        },
    );
  }
  for (const name of NAMES) {
    hook(
      name,
      (original) =>
        function (this: UdpHandle, out: AddressOut): number {
          return routed.get(this)?.[name](out) ?? (Reflect.apply(original, this, [out]) as number);
        },
    );
  }
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
