/**
 * Our tunnel and our stack as a program, for tests against another implementation of WireGuard. Says its events, one
 * a line; serves a body of BODY_LENGTH bytes over HTTP at port 80; fetches `fetch` when the tunnel is established.
 */
import { createHash } from 'node:crypto';
import { PacketModule } from '../../core/packet/packet-module';
import { Stack } from '../../core/packet/stack/stack';
import type { TcpConnection, TcpEvents } from '../../core/packet/stack/stack-contract';
import { nodeRuntime } from '../../core/runtime-node';
import type { Endpoint, VirtualAddresses } from '../../core/wire/addresses';

export interface WireguardPeerSettings {
  /** Keys in hexadecimal. */
  readonly privateKey: string;
  readonly presharedKey: string;
  readonly port: number;
  readonly addresses: VirtualAddresses;
  readonly peer: { readonly publicKey: string; readonly endpoint: Endpoint; readonly addresses: VirtualAddresses };
  /** Starts the handshake. */
  readonly request: boolean;
  /** What to GET, over the tunnel. */
  readonly fetch?: Endpoint;
}

export const BODY_LENGTH = 1 << 20;

/** A body in which every part differs from every other. */
export function body(): Buffer {
  const bytes = Buffer.alloc(BODY_LENGTH);
  for (let i = 0; i < BODY_LENGTH; i += 4) bytes.writeUInt32LE(Math.imul(i, 2654435761) >>> 0, i);
  return bytes;
}

export function checksum(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const hexBytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(settings: WireguardPeerSettings): Promise<void> {
  const { clock, timers, random } = nodeRuntime;
  const stack = new Stack({ clock, timers, random, output: (packet) => void packets.encapsulate(packet) });
  const packets = new PacketModule({
    ...{ clock, timers, random, privateKey: hexBytes(settings.privateKey) },
    transmit: (datagram, path) => socket.send(datagram, path.endpoint),
    deliver: (packet) => stack.input(packet),
    onEvent: (event) => {
      say(event.kind === 'dropped' ? `dropped: ${event.reason}` : event.kind);
      if (event.kind === 'established') fetchOnce();
    },
  });
  const socket = await nodeRuntime.openDatagramPort({
    ...{ family: 4, port: settings.port },
    onDatagram: (datagram, endpoint) => packets.receive(datagram, { kind: 'direct', endpoint }),
    onSendError: (error) => say(`send error: ${error.message}`),
  });
  stack.configure(settings.addresses, 1_280);
  stack.listenTcp({ address: '::', port: 80, backlog: 16 }, (connection) => connection.setEvents(serve(connection)));
  let fetched = false;
  const fetchOnce = (): void => {
    if (!settings.fetch || fetched) return;
    fetched = true;
    fetchOver(stack, settings.fetch);
  };
  const tunnel = packets.setTunnel({
    ...{ fqdn: 'peer.test', presharedKey: hexBytes(settings.presharedKey) },
    publicKey: hexBytes(settings.peer.publicKey),
    virtualAddresses: settings.peer.addresses,
    path: { kind: 'direct', endpoint: settings.peer.endpoint },
  });
  const awake = setInterval(() => {}, 1 << 30); // our own sockets and timers keep no process alive
  process.on('SIGTERM', () => {
    packets.close();
    stack.close();
    socket.close();
    clearInterval(awake);
    process.exitCode = stack.liveAllocations === 0 ? 0 : 1;
  });
  say('ready');
  if (settings.request) tunnel.requestTunnel();
}

function serve(connection: TcpConnection): TcpEvents {
  const head = `HTTP/1.1 200 OK\r\nContent-Length: ${BODY_LENGTH}\r\nConnection: close\r\n\r\n`;
  let left: Uint8Array = new Uint8Array(0);
  let request = '';
  const pump = (): void => {
    left = left.subarray(connection.write(left));
  };
  return {
    ...{ connected: () => {}, closed: () => {}, failed: (reason) => say(`failed: ${reason}`) },
    received: (bytes) => {
      connection.consumed(bytes.length);
      request += Buffer.from(bytes).toString('latin1');
      if (!request.endsWith('\r\n\r\n')) return;
      left = Buffer.concat([Buffer.from(head), body()]);
      pump();
    },
    drained: pump,
    ended: () => connection.shutdown(),
  };
}

function fetchOver(stack: Stack, remote: Endpoint): void {
  const parts: Uint8Array[] = [];
  const connection = stack.connectTcp(
    { remote },
    {
      connected: () => void connection.write(Buffer.from('GET / HTTP/1.1\r\nHost: peer\r\nConnection: close\r\n\r\n')),
      received: (bytes) => {
        parts.push(bytes.slice());
        connection.consumed(bytes.length);
      },
      drained: () => {},
      ended: () => {
        const answer = Buffer.concat(parts);
        const fetched = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
        say(`fetched ${fetched.length} ${checksum(fetched)}`);
        connection.shutdown();
      },
      closed: () => {},
      failed: (reason) => say(`failed: ${reason}`),
    },
  );
}

if (require.main === module) void main(JSON.parse(process.argv[2]!) as WireguardPeerSettings);
