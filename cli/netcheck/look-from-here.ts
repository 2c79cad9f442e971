/** A look from sockets of this command's own, at relay servers that the caller names: no account is needed. */
import { lookup } from 'node:dns/promises';
import { look, type RelayServer } from '../../core/reach/look';
import { StunClient } from '../../core/reach/stun-client';
import { holdProcess, nodeRuntime } from '../../core/runtime-node';
import type { DatagramPort } from '../../core/runtime';
import { formatEndpoint } from '../../core/wire/addresses';
import { isStun } from '../../core/wire/stun';
import { Failure } from '../output';
import type { Seen } from './findings';

export interface NamedRelay {
  readonly host: string;
  readonly port: number;
}

export async function lookFromHere(named: readonly NamedRelay[]): Promise<Omit<Seen, 'portMapping'>> {
  const relays = await Promise.all(named.map(serverOf));
  const release = holdProcess();
  const ports: DatagramPort[] = [];
  const client = new StunClient({
    ...nodeRuntime,
    send: (datagram, to) => ports.find(({ family }) => to.address.includes(':') === (family === 6))?.send(datagram, to),
  });
  try {
    const opened = await Promise.allSettled(
      ([4, 6] as const).map((family) =>
        nodeRuntime.openDatagramPort({
          family,
          onDatagram: (datagram, from) => isStun(datagram) && client.receive(datagram, from),
          onSendError: () => {}, // no route of this IP version: nobody answers then
        }),
      ),
    );
    for (const port of opened) if (port.status === 'fulfilled') ports.push(port.value);
    const found = await look(
      client,
      relays,
      ports.map(({ family }) => family),
    );
    const observations = found.views.flatMap(({ at, mapped }) =>
      mapped ? [{ by: formatEndpoint(at), endpoint: mapped }] : [],
    );
    const host = nodeRuntime.hostAddresses().map(({ address }) => ({ address, port: 0 }));
    return { look: found, observations, host };
  } finally {
    client.close();
    for (const port of ports) port.close();
    release();
  }
}

async function serverOf({ host, port }: NamedRelay): Promise<RelayServer> {
  try {
    const addresses = await lookup(host, { all: true });
    return {
      name: formatEndpoint({ address: host, port }),
      endpoints: addresses.map(({ address }) => ({ address, port })),
    };
  } catch (error) {
    throw new Failure(`${host} is not found: ${(error as Error).message}`);
  }
}
