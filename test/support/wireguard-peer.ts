/**
 * Our tunnel and our stack as a program, for tests against another implementation of WireGuard. Says its events, one
 * a line. Serves `GET /N`, a body of N bytes, over HTTP at port 80; echoes UDP at port 7; fetches `fetch`, pings `ping`
 * and has `echo` echo its datagrams, when the tunnel is established.
 */
import { createHash } from 'node:crypto';
import { PacketModule } from '../../core/packet/packet-module';
import { Stack } from '../../core/packet/stack/stack';
import type { TcpConnection, TcpEvents } from '../../core/packet/stack/stack-contract';
import { nodeRuntime } from '../../core/runtime-node';
import { keyPair } from '../../core/wire/x25519';
import { Handshake } from '../../core/packet/wireguard/handshake';
import { CookieReply, messageType, MessageType, readIndex } from '../../core/packet/wireguard/messages';
import { TimestampSource } from '../../core/packet/wireguard/tai64n';
import type { Endpoint, VirtualAddresses } from '../../core/wire/addresses';
import { bodyPart } from './lab-body';

export interface WireguardPeerSettings {
  /** Keys in hexadecimal. */
  readonly privateKey: string;
  readonly presharedKey: string;
  readonly port: number;
  readonly addresses: VirtualAddresses;
  readonly peer: { readonly publicKey: string; readonly endpoint: Endpoint; readonly addresses: VirtualAddresses };
  /** Starts the handshake. */
  readonly request: boolean;
  /** IP version of the datagrams. */
  readonly outer: 4 | 6;
  /** Takes every handshake for one too many, and asks for a cookie. */
  readonly underLoad?: boolean;
  /** Sends initiations of a stranger, in bursts that are too much for the peer. */
  readonly flood?: boolean;
  /** Makes a new handshake so often, also while there is a session. */
  readonly rekeyEveryMs?: number;
  /** What to GET, over the tunnel, and how much of it. */
  readonly fetch?: Endpoint & { readonly length: number };
  readonly ping?: string;
  /** Where to send datagrams of ECHO_LENGTHS bytes that come back. */
  readonly echo?: Endpoint;
}

/** The last two leave in fragments. */
export const ECHO_LENGTHS = [0, 1, 1_000, 3_000, 20_000] as const;
const WRITE_LENGTH = 65_536;

const hexBytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function main(settings: WireguardPeerSettings): Promise<void> {
  const { clock, timers, random } = nodeRuntime;
  const stack = new Stack({ clock, timers, random, output: (packet) => void packets.encapsulate(packet) });
  const packets = new PacketModule({
    ...{ clock, timers, random, privateKey: hexBytes(settings.privateKey) },
    transmit: (datagram, path) => socket.send(datagram, path.endpoint),
    deliver: (packet) => stack.input(packet),
    ...(settings.underLoad && { isUnderLoad: () => true }),
    onEvent: (event) => {
      say(event.kind === 'dropped' ? `dropped: ${event.reason}` : event.kind);
      if (event.kind === 'established') begin();
    },
  });
  const socket = await nodeRuntime.openDatagramPort({
    ...{ family: settings.outer, port: settings.port },
    onDatagram: (datagram, endpoint) => {
      const asked = messageType(datagram) === MessageType.cookieReply;
      if (asked) say(readIndex(datagram, CookieReply.receiver) === STRANGER ? 'stranger: cookie' : 'cookie');
      packets.receive(datagram, { kind: 'direct', endpoint });
    },
    onSendError: (error) => say(`send error: ${error.message}`),
  });
  stack.configure(settings.addresses, 1_280);
  stack.listenTcp({ address: '::', port: 80, backlog: 16 }, (connection) => connection.setEvents(serve(connection)));
  const echoing = stack.openUdp(
    { address: '::', port: 7 },
    { received: (bytes, from) => void echoing.send(bytes, from), failed: () => {} },
  );
  let begun = false;
  const begin = (): void => {
    if (begun) return;
    begun = true;
    if (settings.fetch) fetchOver(stack, settings.fetch);
    if (settings.ping) void stack.ping(settings.ping).then((ms) => say(ms === undefined ? 'no pong' : 'pong'));
    if (settings.echo) echoOver(stack, settings.echo);
  };
  const tunnel = packets.setTunnel({
    ...{ fqdn: 'peer.test', presharedKey: hexBytes(settings.presharedKey) },
    publicKey: hexBytes(settings.peer.publicKey),
    virtualAddresses: settings.peer.addresses,
    path: { kind: 'direct', endpoint: settings.peer.endpoint },
  });
  const rekeying = settings.rekeyEveryMs && setInterval(() => tunnel.requestTunnel(), settings.rekeyEveryMs);
  const flooding = settings.flood ? flood(settings.peer, (datagram, to) => socket.send(datagram, to)) : undefined;
  const awake = setInterval(() => {}, 1 << 30); // our own sockets and timers keep no process alive
  process.on('SIGTERM', () => {
    packets.close();
    stack.close();
    socket.close();
    clearInterval(awake);
    clearInterval(rekeying);
    clearInterval(flooding);
    process.exitCode = stack.liveAllocations === 0 ? 0 : 1;
  });
  say('ready');
  if (settings.request) tunnel.requestTunnel();
}

/** Of a stranger's handshake; our own indexes are random. */
const STRANGER = 0;

function flood(
  peer: WireguardPeerSettings['peer'],
  send: (datagram: Uint8Array, to: Endpoint) => void,
): NodeJS.Timeout {
  const { clock, random } = nodeRuntime;
  const context = { clock, random, own: keyPair(random.bytes(32)), timestamps: new TimestampSource() };
  const stranger = new Handshake(context, hexBytes(peer.publicKey), new Uint8Array(32));
  const initiation = stranger.initiate(STRANGER)!;
  // wireguard-go is under load for a second when 128 handshakes wait; in between, others are heard.
  return setInterval(() => {
    for (let i = 0; i < 2_000; i++) send(initiation, peer.endpoint);
  }, 800);
}

function serve(connection: TcpConnection): TcpEvents {
  let left: Uint8Array = new Uint8Array(0);
  let [sent, length] = [0, 0];
  let request = '';
  const pump = (): void => {
    for (;;) {
      left = left.subarray(connection.write(left));
      if (left.length > 0 || sent === length) return;
      left = bodyPart(sent, Math.min(WRITE_LENGTH, length - sent));
      sent += left.length;
    }
  };
  return {
    ...{ connected: () => {}, closed: () => {}, failed: (reason) => say(`failed: ${reason}`) },
    received: (bytes) => {
      request += Buffer.from(bytes).toString('latin1');
      connection.consumed(bytes.length);
      if (!request.endsWith('\r\n\r\n')) return;
      length = Number(/^GET \/(\d+) /.exec(request)?.[1]);
      left = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`);
      pump();
    },
    drained: pump,
    ended: () => connection.shutdown(),
  };
}

function fetchOver(stack: Stack, { length, ...remote }: Endpoint & { readonly length: number }): void {
  const hash = createHash('sha256');
  let head: Buffer | undefined = Buffer.alloc(0);
  let received = 0;
  const take = (bytes: Uint8Array): void => {
    hash.update(bytes);
    received += bytes.length;
  };
  const connection = stack.connectTcp(
    { remote },
    {
      connected: () =>
        void connection.write(Buffer.from(`GET /${length} HTTP/1.1\r\nHost: peer\r\nConnection: close\r\n\r\n`)),
      received: (bytes) => {
        if (head) {
          head = Buffer.concat([head, bytes]);
          const end = head.indexOf('\r\n\r\n');
          if (end >= 0) take(head.subarray(end + 4));
          if (end >= 0) head = undefined;
        } else take(bytes);
        connection.consumed(bytes.length);
      },
      drained: () => {},
      ended: () => {
        say(`fetched ${received} ${hash.digest('hex')}`);
        connection.shutdown();
      },
      closed: () => {},
      failed: (reason) => say(`failed: ${reason}`),
    },
  );
}

function echoOver(stack: Stack, remote: Endpoint): void {
  const missing = new Set<number>(ECHO_LENGTHS);
  const socket = stack.openUdp(
    { address: '::', port: 0 },
    {
      received: (bytes) => {
        if (bodyPart(0, bytes.length).equals(bytes)) missing.delete(bytes.length);
        if (missing.size === 0) say('echoed');
      },
      failed: (reason) => say(`failed: ${reason}`),
    },
  );
  socket.connect(remote);
  for (const length of ECHO_LENGTHS) socket.send(bodyPart(0, length));
}

if (require.main === module) void main(JSON.parse(process.argv[2]!) as WireguardPeerSettings);
