/**
 * A path that delays and loses UDP datagrams, for both directions alike: node middlebox.mjs SETTINGS, where SETTINGS is
 * { delayMs, loss, seed, sides: [{ port, to: { address, port } }, { ... }] }. What comes to one side's port leaves from
 * the other's. Losses are only on the way from the first side to the second.
 */
import { createSocket } from 'node:dgram';

const { delayMs, loss, seed, sides } = JSON.parse(process.argv[2]);
const literal = (address, _, callback) => callback(null, address, 4);
const sockets = sides.map(() => createSocket({ type: 'udp4', lookup: literal }));
const queue = [];
let head = 0;
let state = seed >>> 0;

/** splitmix32, 0 to 1 */
function random() {
  state = (state + 0x9e3779b9) >>> 0;
  let z = state;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
}

function forward() {
  const now = performance.now();
  for (; head < queue.length && queue[head].dueMs <= now; head++) {
    const { datagram, side } = queue[head];
    queue[head] = undefined;
    sockets[side].send(datagram, sides[side].to.port, sides[side].to.address);
  }
  if (head > 10_000) (queue.splice(0, head), (head = 0));
  if (head < queue.length) setTimeout(forward, Math.max(0, queue[head].dueMs - now));
  else waiting = false;
}

let waiting = false;

for (const [index, socket] of sockets.entries()) {
  socket.on('message', (datagram) => {
    if (index === 0 && random() < loss) return;
    queue.push({ datagram, side: 1 - index, dueMs: performance.now() + delayMs });
    if (waiting) return;
    waiting = true;
    setTimeout(forward, delayMs);
  });
  await new Promise((resolve) => socket.bind(sides[index].port, resolve));
  socket.setRecvBufferSize(8 << 20);
  socket.setSendBufferSize(8 << 20);
}
process.stdout.write('ready\n');
