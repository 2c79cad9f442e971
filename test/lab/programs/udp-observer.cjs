// Answers UDP as a STUN server with two addresses and two ports would (RFC 5780), and TCP by closing.
//   udp-observer.cjs ADDRESS ADDRESS   `listening on PORT PORT TCP-PORT`, the same ports at both addresses
// A datagram is JSON: { id, from: [address 0|1, port 0|1] }. The answer comes from there: { id, seen: "ADDRESS:PORT" }.
const { createSocket } = require('node:dgram');
const { once } = require('node:events');
const { createServer } = require('node:net');

const PORTS = [3478, 3479];
const TCP_PORT = 443;
const addresses = process.argv.slice(2);

async function main() {
  const sockets = await Promise.all(addresses.map((address) => Promise.all(PORTS.map((port) => open(address, port)))));
  for (const socket of sockets.flat()) {
    socket.on('message', (bytes, { address, port }) => {
      const { id, from } = JSON.parse(bytes.toString());
      const answer = JSON.stringify({ id, seen: `${address}:${port}` });
      sockets[from[0]][from[1]].send(answer, port, address);
    });
  }
  const server = createServer((socket) => socket.on('error', () => {}).end()).listen(TCP_PORT, addresses[0]);
  await once(server, 'listening');
  console.log(`listening on ${PORTS.join(' ')} ${TCP_PORT}`);
}

async function open(address, port) {
  const socket = createSocket('udp4').bind(port, address);
  await once(socket, 'listening');
  return socket;
}

main();
