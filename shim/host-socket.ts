/** Sockets of the shim's own, which are the host's whatever address they connect to. */
import { Socket } from 'node:net';

const ownSockets = new WeakSet<object>();

/** Half-open. */
export function connectOnHost(port: number, address: string): Socket {
  const socket = new Socket({ allowHalfOpen: true });
  ownSockets.add(socket);
  return socket.connect(port, address);
}

export function isOnHost(socket: object): boolean {
  return ownSockets.has(socket);
}
