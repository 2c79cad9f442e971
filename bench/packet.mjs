// The cost of a datagram between the virtual stack and the wire, in CPU time: `node bench/packet.mjs` after a build.
//
//   seal   one process, no sockets: encapsulate at one node, receive at the other
//   udp    two processes over the loopback, 128 packets in flight at most, acknowledged in batches
//
// CPU time rather than wall time, so that a busy machine matters less. Bytes are what an inner packet allocates on
// V8's heap. --cpu-prof works as usual; the receiving process is a fork and writes a profile of its own.
import { fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const require = createRequire(import.meta.url);
const { PacketModule } = require('../dist/core/packet/packet-module.js');
const { bestCipher, nodeCipher } = require('../dist/core/packet/wireguard/cipher.js');
const { nodeRuntime } = require('../dist/core/runtime-node.js');

const PACKET_BYTES = 1_400;
const ACKNOWLEDGED_EVERY = 32;
const IN_FLIGHT = 128;
const WARM_UP = 50_000;
const nodes = {
  a: { secret: new Uint8Array(32).fill(0xa1), addresses: { ipv4: '198.18.0.1', ipv6: 'fd00::1' } },
  b: { secret: new Uint8Array(32).fill(0xb2), addresses: { ipv4: '198.18.0.2', ipv6: 'fd00::2' } },
};

function packetModule(own, callbacks) {
  const { clock, timers, random } = nodeRuntime;
  return new PacketModule({ clock, timers, random, privateKey: own.secret, onEvent: () => {}, ...callbacks });
}

function introduce(module, peer, publicKey, endpoint) {
  return module.setTunnel({
    fqdn: 'peer.test',
    publicKey,
    presharedKey: new Uint8Array(32).fill(0x55),
    virtualAddresses: peer.addresses,
    path: { kind: 'direct', endpoint },
  });
}

/** IPv4 with a sequence number behind the header. */
function packet(from, to, length, sequence = 0) {
  const bytes = new Uint8Array(length);
  bytes[0] = 0x45;
  const view = new DataView(bytes.buffer);
  view.setUint16(2, length);
  bytes.set(from.addresses.ipv4.split('.').map(Number), 12);
  bytes.set(to.addresses.ipv4.split('.').map(Number), 16);
  view.setUint32(20, sequence);
  return bytes;
}

const sequenceOf = (bytes) => ((bytes[20] << 24) | (bytes[21] << 16) | (bytes[22] << 8) | bytes[23]) >>> 0;

function cpu(since) {
  const { user, system } = process.cpuUsage(since);
  return { user, system };
}

function report(name, packets, { user, system }, more = '') {
  const each = (microseconds) => (microseconds / packets).toFixed(2).padStart(6);
  console.log(`${name.padEnd(22)} ${each(user)} us user ${each(system)} us system${more}`);
}

function seal(name, cipher, packets) {
  const ends = {};
  const path = { kind: 'direct', endpoint: { address: '192.0.2.1', port: 1 } };
  let delivered = 0;
  const deliver = () => delivered++;
  ends.a = packetModule(nodes.a, { cipher, deliver, transmit: (datagram) => ends.b.receive(datagram, path) });
  ends.b = packetModule(nodes.b, { cipher, deliver, transmit: (datagram) => ends.a.receive(datagram, path) });
  introduce(ends.b, nodes.a, ends.a.publicKey, path.endpoint);
  introduce(ends.a, nodes.b, ends.b.publicKey, path.endpoint).requestTunnel();
  const bytes = packet(nodes.a, nodes.b, PACKET_BYTES);
  const run = (count) => {
    for (let i = 0; i < count; i++) ends.a.encapsulate(bytes);
  };
  run(WARM_UP);
  const since = cpu();
  run(packets);
  const used = cpu(since);
  if (delivered !== WARM_UP + packets) throw new Error(`${delivered} packets delivered`);
  report(name, packets, used, `  ${allocated(run).toFixed(0).padStart(5)} B on the heap`);
  ends.a.close();
  ends.b.close();
}

/** Heap bytes a packet, measured over so few that nothing is collected meanwhile; the least of several. */
function allocated(run) {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc');
  const measure = () => {
    gc();
    const before = process.memoryUsage().heapUsed;
    run(500);
    return (process.memoryUsage().heapUsed - before) / 500;
  };
  return Math.min(...Array.from({ length: 5 }, measure).filter((bytes) => bytes >= 0));
}

/** A node on a UDP socket, wired as in core/node.ts. */
async function open(own, peer, callbacks) {
  let path;
  const port = await nodeRuntime.openDatagramPort({
    family: 4,
    address: '127.0.0.1',
    onDatagram(datagram, endpoint) {
      if (path?.endpoint !== endpoint) path = { kind: 'direct', endpoint };
      module.receive(datagram, path);
    },
    onSendError: (error) => console.error(error),
  });
  const module = packetModule(own, { transmit: (datagram, to) => port.send(datagram, to.endpoint), ...callbacks });
  const introduced = (publicKey, endpoint) => introduce(module, peer, publicKey, endpoint);
  return { module, port, introduced };
}

/** The receiving process. */
async function serve() {
  let received = 0;
  const { module, port, introduced } = await open(nodes.b, nodes.a, {
    deliver(bytes) {
      if (++received % ACKNOWLEDGED_EVERY === 0) {
        module.encapsulate(packet(nodes.b, nodes.a, 40, sequenceOf(bytes)));
      }
    },
  });
  process.send({ publicKey: [...module.publicKey], endpoint: port.local });
  let since;
  process.on('message', (message) => {
    if (message.introduce) introduced(Uint8Array.from(message.introduce.publicKey), message.introduce.endpoint);
    if (message.reset) ((since = cpu()), (received = 0));
    if (message.finish) process.send({ used: cpu(since), received }, () => process.disconnect());
  });
}

async function udp(packets) {
  const child = fork(fileURLToPath(import.meta.url), ['serve'], { execArgv: process.execArgv });
  const message = () => new Promise((resolve) => child.once('message', resolve));
  const server = await message();
  let sent = 0;
  let acknowledged = 0;
  let goal = WARM_UP;
  let reached;
  const { module, port, introduced } = await open(nodes.a, nodes.b, {
    deliver(bytes) {
      acknowledged = sequenceOf(bytes);
      if (acknowledged >= goal) reached();
      else fill();
    },
  });
  const bytes = packet(nodes.a, nodes.b, PACKET_BYTES);
  const view = new DataView(bytes.buffer);
  const fill = () => {
    while (sent - acknowledged < IN_FLIGHT) {
      view.setUint32(20, ++sent);
      module.encapsulate(bytes);
    }
  };
  const until = (count) => new Promise((resolve) => ((goal = count), (reached = resolve), fill()));
  const stalled = setInterval(() => {
    if (sent - acknowledged < IN_FLIGHT) return;
    acknowledged = sent - IN_FLIGHT / 2; // datagrams were lost
    fill();
  }, 200);

  child.send({ introduce: { publicKey: [...module.publicKey], endpoint: port.local } });
  introduced(Uint8Array.from(server.publicKey), server.endpoint).requestTunnel();
  await until(WARM_UP);
  child.send({ reset: true });
  const since = cpu();
  const startMs = performance.now();
  const before = sent;
  await until(WARM_UP + packets);
  const used = cpu(since);
  const seconds = (performance.now() - startMs) / 1_000;
  child.send({ finish: true });
  const receiver = await message();
  const lost = sent - before - receiver.received;
  report('udp send', sent - before, used, `  ${Math.round((sent - before) / seconds)} packets/s`);
  report('udp receive', receiver.received, receiver.used, lost > IN_FLIGHT ? `  ${lost} lost` : '');
  clearInterval(stalled);
  module.close();
  port.close();
}

if (process.argv[2] === 'serve') {
  await serve();
} else {
  const only = process.argv[2];
  if (!only || only === 'seal') {
    seal('seal and open', bestCipher(), 200_000);
    seal('with node:crypto', nodeCipher, 50_000);
  }
  if (!only || only === 'udp') await udp(300_000);
}
