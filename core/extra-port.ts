/** UDP sockets beside the tunnels' own: each has another mapping at a NAT. */
import type { DirectPath, Via } from './packet/path';
import type { DatagramPort, Runtime } from './runtime';

/** Undefined when the host has none to give. What arrives is handed on with the way it came. `address`: bound to it. */
export async function openExtraPort(
  runtime: Runtime,
  family: 4 | 6,
  receive: (datagram: Uint8Array, from: DirectPath) => void,
  address?: string,
): Promise<Via | undefined> {
  let port: DatagramPort | undefined;
  let last: DirectPath | undefined;
  const bound = address !== undefined && { address };
  const via: Via = {
    ...bound,
    send: (datagram, to) => port?.send(datagram, to),
    close: () => port?.close(),
    get port() {
      return port?.local.port;
    },
  };
  try {
    port = await runtime.openDatagramPort({
      family,
      ...bound,
      onDatagram(datagram, endpoint) {
        if (last?.endpoint !== endpoint) last = { kind: 'direct', endpoint, via };
        receive(datagram, last);
      },
      onSendError() {}, // the path does not answer then
    });
  } catch {
    return undefined; // too many are open, or the address is gone
  }
  return via;
}
