/**
 * Listening: TCP handles. A wildcard listener binds the real port and the same port in the stack; one at a virtual
 * address is virtual only; everything else stays the host's. Cluster's primary and net._createServerHandle pass here.
 *
 * With NTMOBILE_LISTEN=virtual a wildcard handle is not bound for real, unless it turns out to be a client's.
 */
import { AsyncResource } from 'node:async_hooks';
import type { AddressInfo } from 'node:net';
import type { VirtualNetwork } from '../../core/virtual-network';
import type { VirtualListener } from '../listener';
import { reachTcp, type AddressOut, type AnyFunction, type TcpHandle } from '../node-internals';
import type { Patches } from '../patch';
import { bindPlace, unmapped, type ListenMode } from '../policy';
import { errnoOf } from '../node-errors';
import { warnOfSharedListener } from './cluster';

const UV_TCP_IPV6ONLY = 1;

export interface ListenHooks {
  /** Where a handle that is about to connect was bound. */
  boundTo(handle: TcpHandle): AddressInfo | undefined;
  /** A client that bound a wildcard address connects to the host's network after all. Returns 0 or an errno. */
  bindForReal(handle: TcpHandle): number;
}

export function hookListen(network: VirtualNetwork, patches: Patches, mode: ListenMode): ListenHooks {
  const { TCP, ownerSymbol } = reachTcp();
  const emptyScope = new AsyncResource('NTMOBILE', { requireManualDestroy: true });
  const listeners = new WeakMap<TcpHandle, VirtualListener>();
  const { bind: realBind, bind6: realBind6 } = TCP.prototype as TcpHandle;

  const hook = (name: keyof TcpHandle, make: (original: AnyFunction) => AnyFunction): void =>
    patches.replace(TCP.prototype as object, name, make);

  const bindOnHost = (handle: TcpHandle, address: string, port: number): number =>
    Reflect.apply(realBind, handle, [address, port]);

  const bind = (original: AnyFunction): AnyFunction =>
    function (this: TcpHandle, address: string, port: number, flags = 0): number {
      const place = typeof address === 'string' ? bindPlace(address, mode, network) : 'host';
      if (place === 'host') return Reflect.apply(original, this, [address, port, flags]) as number;
      if (place === 'both') {
        const error = Reflect.apply(original, this, [address, port, flags]) as number;
        if (error) return error;
      } else if (isForeign(address)) return errnoOf('EADDRNOTAVAIL');
      const { VirtualListener } = require('../listener') as typeof import('../listener'); // when a program listens
      const isServed = (): boolean => {
        const server = (this as unknown as Record<symbol, { _handle?: unknown } | undefined>)[ownerSymbol];
        return server?._handle === this;
      };
      const ipv6Only = (flags & UV_TCP_IPV6ONLY) !== 0;
      const binding = { place, address, port, ipv6Only };
      const host = { emptyScope, isServed, bindOnHost };
      listeners.set(this, new VirtualListener(this, network, host, binding));
      return 0;
    };
  hook('bind', bind);
  hook('bind6', bind);

  hook(
    'listen',
    (original) =>
      function (this: TcpHandle, backlog: number): number {
        const listener = listeners.get(this);
        if (!listener) {
          if (mode !== 'host') warnOfSharedListener(this);
          return Reflect.apply(original, this, [backlog]) as number;
        }
        if (listener.binding.place === 'virtual') return listener.listen(backlog, listener.binding.port);
        const error = Reflect.apply(original, this, [backlog]) as number;
        if (error) return error;
        const real: AddressOut = {};
        return this.getsockname(real) || listener.listen(backlog, real.port ?? 0);
      },
  );

  hook(
    'getsockname',
    (original) =>
      function (this: TcpHandle, out: AddressOut): number {
        const listener = listeners.get(this);
        if (listener?.binding.place !== 'virtual') return Reflect.apply(original, this, [out]) as number;
        const { address, port } = listener.local;
        Object.assign(out, { address, family: familyOf(address), port });
        return 0;
      },
  );

  hook(
    'close',
    (original) =>
      function (this: TcpHandle, ...args: unknown[]): unknown {
        listeners.get(this)?.close();
        return Reflect.apply(original, this, args);
      },
  );
  for (const name of ['ref', 'unref'] as const) {
    hook(
      name,
      (original) =>
        function (this: TcpHandle): unknown {
          listeners.get(this)?.setReferenced(name === 'ref');
          return Reflect.apply(original, this, []);
        },
    );
  }

  function isForeign(address: string): boolean {
    const own = network.addresses;
    if (!own || !network.isVirtualAddress(unmapped(address))) return false;
    return unmapped(address) !== own.ipv4 && address !== own.ipv6;
  }

  return {
    boundTo(handle) {
      const bound = listeners.get(handle)?.binding;
      return bound && { address: bound.address, port: bound.port, family: familyOf(bound.address) };
    },
    bindForReal(handle) {
      const bound = listeners.get(handle)?.binding;
      if (bound?.place !== 'virtual') return 0;
      listeners.delete(handle);
      const { address, port, ipv6Only } = bound;
      if (!address.includes(':')) return bindOnHost(handle, address, port);
      return Reflect.apply(realBind6, handle, [address, port, ipv6Only ? UV_TCP_IPV6ONLY : 0]);
    },
  };
}

function familyOf(address: string): 'IPv4' | 'IPv6' {
  return address.includes(':') ? 'IPv6' : 'IPv4';
}
