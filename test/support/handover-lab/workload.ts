/** What ordinary programs do while their hosts move: a server and a client of each kind, in test/lab/programs/handover. */
import { bodyChecksum } from '../lab-body';
import { labProgram } from '../nat-lab/nat-lab';

/** What a client tells at its end. */
export interface Told {
  readonly longestGapMs: number;
  /** Sent, and not there at the end: messages, letters or datagrams. */
  readonly lost: number;
  readonly doubled: number;
  /** What went wrong with the connection or what came by it, or null. */
  readonly broken: string | null;
  /** Of a download: bytes, and their checksum. */
  readonly length?: number;
  readonly sha256?: string;
}

export interface Workload {
  readonly name: string;
  readonly about: string;
  readonly serve: readonly string[];
  dial(host: string, port: string): readonly string[];
  /** What must not have happened. Empty: all is well. */
  faults(told: Told): string[];
}

export interface Amounts {
  /** Of the download, at least. */
  readonly bytes: number;
  readonly bytesPerSecond: number;
}

const program = (name: string): string => labProgram(`handover/${name}`);

function reliable(name: string, about: string, file: string): Workload {
  return {
    ...{ name, about },
    serve: [program(file), 'serve', '0'],
    dial: (host, port) => [program(file), 'dial', host, port],
    faults: ({ lost, doubled, broken }) => [
      ...(broken === null ? [] : [broken]),
      ...(lost === 0 ? [] : [`${lost} lost`]),
      ...(doubled === 0 ? [] : [`${doubled} doubled`]),
    ],
  };
}

export function workloadsOf({ bytes, bytesPerSecond }: Amounts): readonly Workload[] {
  const download = reliable('download', 'a file by HTTP, with its SHA-256', 'download.cjs');
  const datagrams = reliable('datagrams', 'numbered datagrams, a hundred a second', 'datagrams.cjs');
  return [
    {
      ...download,
      serve: [...download.serve, `${bytesPerSecond}`],
      dial: (host, port) => [...download.dial(host, port), `${bytes}`],
      faults: (told) => [...download.faults(told), ...(isWhole(told) ? [] : ['another checksum'])],
    },
    reliable('websocket', 'messages by WebSocket, each echoed', 'websocket.cjs'),
    reliable('shell', 'an interactive session by SSH', 'shell.cjs'),
    reliable('mqtt', 'MQTT with QoS 1 and 2, published and subscribed', 'mqtt.mjs'),
    // UDP may lose.
    { ...datagrams, faults: (told) => datagrams.faults({ ...told, lost: 0 }) },
  ];
}

const isWhole = ({ length = 0, sha256 }: Told): boolean => sha256 === bodyChecksum(length);
