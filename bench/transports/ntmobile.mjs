/** ntmobile's packet path without its signalling: tunnel and virtual stack of the built dist/. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { PacketModule } = require('../../dist/core/packet/packet-module.js');
const { Stack } = require('../../dist/core/packet/stack/stack.js');
const { keyPair } = require('../../dist/core/wire/x25519.js');
const { nodeRuntime } = require('../../dist/core/runtime-node.js');

const hosts = {
  client: { ipv4: '198.18.0.1', ipv6: 'fd00::1', secretKey: new Uint8Array(32).fill(1) },
  server: { ipv4: '198.18.0.2', ipv6: 'fd00::2', secretKey: new Uint8Array(32).fill(2) },
};
const PORT = 80;

export async function openTransport({ role, port, endpoint, tunnelMtu }) {
  const other = role === 'client' ? 'server' : 'client';
  const { clock, timers, random } = nodeRuntime;
  const stack = new Stack({ clock, timers, random, output: (packet) => void packets.encapsulate(packet) });
  const packets = new PacketModule({
    ...{ clock, timers, random, privateKey: hosts[role].secretKey },
    transmit: (datagram, path) => socket.send(datagram, path.endpoint),
    deliver: (packet) => stack.input(packet),
    onEvent: () => {},
  });
  const socket = await nodeRuntime.openDatagramPort({
    ...{ family: 4, port },
    onDatagram: (datagram, from) => packets.receive(datagram, { kind: 'direct', endpoint: from }),
    onSendError: (error) => process.stderr.write(`${error.message}\n`),
  });
  stack.configure(hosts[role], tunnelMtu);
  packets.setTunnel({
    ...{ fqdn: other, presharedKey: new Uint8Array(32), publicKey: keyPair(hosts[other].secretKey).publicKey },
    ...{ virtualAddresses: hosts[other], path: { kind: 'direct', endpoint } },
  });
  setInterval(() => {}, 1 << 30); // our sockets and timers keep no process alive
  return {
    listen: async (onConnection) => {
      stack.listenTcp({ address: '::', port: PORT, backlog: 255 }, (tcp) => onConnection(new Connection(tcp)));
    },
    connect: () => {
      const connection = new Connection();
      return connection.attach(stack.connectTcp({ remote: { address: hosts.server.ipv4, port: PORT } }, connection));
    },
    datagrams: async (onMessage) => {
      const received = (bytes, from) => onMessage(bytes, (answer) => udp.send(answer, from));
      const local = { address: '0.0.0.0', port: role === 'server' ? PORT : 0 };
      const udp = stack.openUdp(local, { received, failed: () => {} });
      const to = { address: hosts[other].ipv4, port: PORT };
      return { send: (bytes) => udp.send(bytes, to) };
    },
    memory: () => ({ wasmBytes: stack.memory.bytes.length }),
  };
}

class Connection {
  onOpen = () => {};
  onData = () => {};
  onDrain = () => {};
  onClose = () => {};
  #waiting = [];

  constructor(tcp) {
    if (tcp) this.attach(tcp);
  }

  attach(tcp) {
    this.tcp = tcp;
    tcp.setEvents(this);
    tcp.setNoDelay(true);
    return this;
  }

  write(bytes) {
    const written = this.#waiting.length > 0 ? 0 : this.tcp.write(bytes);
    if (written === bytes.length) return true;
    this.#waiting.push(bytes.subarray(written));
    return false;
  }

  end() {
    this.tcp.shutdown();
  }

  connected() {
    this.onOpen();
  }

  received(bytes) {
    this.onData(bytes);
    this.tcp.consumed(bytes.length);
  }

  drained() {
    while (this.#waiting.length > 0) {
      const [first] = this.#waiting;
      const written = this.tcp.write(first);
      if (written < first.length) {
        this.#waiting[0] = first.subarray(written);
        return;
      }
      this.#waiting.shift();
    }
    this.onDrain();
  }

  ended() {
    this.tcp.shutdown();
  }

  closed() {
    this.onClose();
  }

  failed() {
    this.onClose();
  }
}
