/** The TLS listeners that a server's settings name (`tls`), for nodes whose network lets no UDP through. */
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import type { DatagramStreams } from '../datagram-streams';
import type { ServerSocket } from '../host';
import { openStreamListener } from '../host-streams';
import { certificateOf } from '../tls-certificate';
import { droppedFigures, type Figure } from './served';
import type { Settings } from './settings';

export interface ServedStreams {
  /** Where nodes come. */
  readonly endpoints: readonly Endpoint[];
  /** See ServedServer. */
  readonly about: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Rejects when an address cannot be bound, and with NtmError NTM_CONFIG when the certificate cannot be used. */
export async function serveStreams(
  tls: Settings<'rs'>['tls'],
  dir: string,
  streams: DatagramStreams,
): Promise<ServedStreams> {
  if (!tls) return { endpoints: [], about: {}, close: async () => {} };
  const certificate = certificateOf(dir, tls);
  // Before anybody waits for it: at a server's first start it takes 300 ms. If it fails, the first connection tries again.
  await certificate().catch(() => {});
  const listeners: ServerSocket[] = [];
  const close = async (): Promise<void> => void (await Promise.all(listeners.map((listener) => listener.close())));
  try {
    for (const at of tls.listen) listeners.push(await openStreamListener(at, streams, certificate));
  } catch (error) {
    await close();
    throw error;
  }
  const bound = listeners.map(({ local }) => local);
  return {
    ...{ endpoints: tls.advertise ?? bound, close },
    about: { 'takes datagrams over TLS on': bound.map(formatEndpoint).join(' and ') },
  };
}

export function streamFigures({ size, drops }: DatagramStreams): Figure[] {
  return [
    { name: 'streams', help: 'Open TLS connections that carry datagrams', type: 'gauge', value: size },
    ...droppedFigures({ tls: drops }),
  ];
}
