/**
 * Leaves to the host what a test sends to another process, e.g. to a child that it has started or to its inspector:
 * loopback is virtual within one process, where it means the process's own node. Such a port is one that nobody in this
 * process serves and somebody on this host does.
 */
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { reachTcp, reachUdp, type AnyFunction } from '../../shim/node-internals';
import { Patches } from '../../shim/patch';

type Protocol = 'tcp' | 'udp';

export interface LeavingNetwork {
  /** Whether a listener or UDP socket of this process has the port. */
  serves(protocol: Protocol, port: number): boolean;
  /** No address is virtual during the call. */
  leave<T>(call: () => T): T;
}

/** Goes on top of the shim's hooks. */
export function leaveOtherProcesses(network: LeavingNetwork): void {
  const patches = new Patches();
  const leaving = (protocol: Protocol, portOf: (args: unknown[]) => unknown) => (original: AnyFunction) =>
    function (this: unknown, ...args: unknown[]): unknown {
      const port = Number(portOf(args));
      const call = (): unknown => Reflect.apply(original, this, args);
      if (!(port > 0) || network.serves(protocol, port) || !isServedByHost(protocol, port)) return call();
      return network.leave(call);
    };

  patches.replace(net.Socket.prototype, 'connect', leaving('tcp', portOfConnect));
  for (const name of ['connect', 'connect6']) {
    patches.replace(
      reachTcp().TCP.prototype as object,
      name,
      leaving('tcp', ([, , port]) => port),
    );
    patches.replace(
      reachUdp().UDP.prototype as object,
      name,
      leaving('udp', ([, port]) => port),
    );
  }
  for (const name of ['send', 'send6']) {
    patches.replace(
      reachUdp().UDP.prototype as object,
      name,
      leaving('udp', ([, , , port]) => port),
    );
  }
}

/** `connect(options)`, `connect(port, host)`, or what net.connect() has made of them. */
function portOfConnect([first]: unknown[]): unknown {
  const options: unknown = Array.isArray(first) ? first[0] : first;
  return typeof options === 'object' && options !== null ? (options as { port?: unknown }).port : options;
}

const LISTENING = '0A';

/** From Linux's procfs: the second column is the local address, the fourth the state. */
function isServedByHost(protocol: Protocol, port: number): boolean {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return [protocol, `${protocol}6`].some((table) =>
    readFileSync(`/proc/self/net/${table}`, 'latin1')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .some(([, local, , state]) => local?.endsWith(suffix) && (protocol === 'udp' || state === LISTENING)),
  );
}
