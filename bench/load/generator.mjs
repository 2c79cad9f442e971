/**
 * The nodes of the load benchmark: many, on a few sockets, in a process of their own. It does what it is told over IPC
 * ({ do, ... }), and tells how it went ({ count, failed, seconds, p50Ms, p99Ms }).
 *
 * A session of a node comes from the AS by a Key Distribution; a hundred thousand logins would take hours, which is what
 * password hashes are for. So this process has the AS's secret key and distributes keys as the AS does. `logins` are
 * logins at the AS itself.
 */
import { createSocket } from 'node:dgram';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const dist = (path) => require(join(import.meta.dirname, '..', '..', 'dist', path));
const { nodeClock: clock, nodeRandom: random, nodeTimers: timers } = dist('core/runtime-node.js');
const { agreedKey, keyPairFromSecret, sharedKey } = dist('core/wire/keys.js');
const { Signalling } = dist('core/wire/signalling.js');
const { login } = dist('core/negotiation/login.js');

/** More than the DC's host remembers senders of (runtime-node.ts), so that endpoints cost what they cost. */
const SOCKETS = 16;
const LIFETIME_MS = 90_000;
const ports = { clock, timers, random, trace: () => {} };
const literal = (address, _, callback) => callback(null, address, 4);

const settings = JSON.parse(process.argv[2]);
const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64url'));
const coordinator = { party: 'dc', name: 'dc', publicKey: bytes(settings.coordinatorKey), at: settings.coordinator };

async function open(onDatagram) {
  const socket = createSocket({ type: 'udp4', lookup: literal });
  socket.on('message', onDatagram);
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  socket.setRecvBufferSize(8 << 20);
  return socket;
}

const send = (datagram, { socket, endpoint }) => socket.send(datagram, endpoint.port, endpoint.address);

const nodes = [];
const signalling = new Signalling({ party: 'node', part: 'load', transmit: send, ...ports });
const vias = [];
for (let i = 0; i < SOCKETS; i++) {
  const via = { endpoint: coordinator.at };
  via.socket = await open((datagram) => signalling.receive(datagram, via));
  vias.push(via);
}
signalling.handle('routeDirection', ({ directionId }) => ({ name: 'routeDirectionAck', body: { directionId } }));

const asIdentity = keyPairFromSecret(bytes(settings.accountServerSecret));
const asVia = { endpoint: coordinator.at };
const asSignalling = new Signalling({ party: 'as', part: 'load', identity: asIdentity, transmit: send, ...ports });
asVia.socket = await open((datagram) => asSignalling.receive(datagram, asVia));
const coordinatorPeer = asSignalling.addPeer({ ...coordinator, key: agreedKey(asIdentity, coordinator.publicKey) });

const nameOf = (i) => `n${i}.${settings.zone}`;

async function newSession(i) {
  const key = random.bytes(32);
  const body = { fqdn: nameOf(i), publicKey: random.bytes(32), key };
  await asSignalling.request(coordinatorPeer, asVia, { name: 'keyDistribution', body });
  const peer = signalling.addPeer({ key: sharedKey(key, 0), party: 'dc', name: 'dc' });
  nodes[i] = { peer, via: vias[i % SOCKETS] };
}

async function register(i) {
  const { peer, via } = nodes[i];
  const { address, port } = via.socket.address();
  const body = { endpoints: [{ address, port }], lifetimeMs: LIFETIME_MS, route: 'auto' };
  await signalling.request(peer, via, { name: 'registrationRequest', body });
}

async function keepAlive(i) {
  await signalling.request(nodes[i].peer, nodes[i].via, { name: 'keepAlive', body: {} });
}

/** From one of `count` nodes to another, so that none is asked for again soon. */
async function direct(i, count) {
  const { peer, via } = nodes[(i * 7_919) % count];
  const target = nameOf((i * 7_919 + 1 + (count >> 1)) % count);
  const answer = await signalling.request(peer, via, { name: 'directionRequest', body: { target } });
  signalling.oneway(peer, via, { name: 'routeDirectionAck', body: { directionId: answer.body.directionId } });
}

async function logIn() {
  const via = { endpoint: settings.accountServer };
  const own = new Signalling({ party: 'node', part: 'load', transmit: send, ...ports });
  via.socket = await open((datagram) => own.receive(datagram, via));
  await login({
    ...{ signalling: own, random, accountServer: via, accountServerKey: asIdentity.publicKey, node: null },
    ...{ account: settings.account, password: settings.password, publicKey: random.bytes(32) },
    onConfiguration: () => {},
  });
  own.close();
  via.socket.close();
}

/** Does it for each number from `from` on, `atOnce` at the same time, up to `to` or for so many seconds. */
async function repeat(one, { from = 0, to = Infinity, atOnce = 64, seconds = Infinity }) {
  const [tookMs, errors] = [[], []];
  let next = from;
  const begunMs = performance.now();
  const loop = async () => {
    while (next < to && performance.now() - begunMs < seconds * 1000) {
      const startMs = performance.now();
      await one(next++).then(
        () => tookMs.push(performance.now() - startMs),
        (error) => errors.push(error.message),
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, loop));
  const took = (performance.now() - begunMs) / 1000;
  tookMs.sort((a, b) => a - b);
  const at = (part) => tookMs[Math.floor(tookMs.length * part)];
  const outcome = { count: tookMs.length, failed: errors.length, why: errors[0], seconds: took };
  return { ...outcome, perSecond: tookMs.length / took, p50Ms: at(0.5), p99Ms: at(0.99) };
}

const tasks = {
  sessions: (task) => repeat(newSession, task),
  registrations: (task) => repeat(register, task),
  keepAlives: (task) => repeat(keepAlive, task),
  directions: (task) => repeat((i) => direct(i, task.among), task),
  logins: (task) => repeat(logIn, task),
};

process.on('message', (task) => {
  tasks[task.do](task).then(
    (outcome) => process.send(outcome),
    (error) => process.send({ error: String(error.stack) }),
  );
});
process.on('disconnect', () => process.exit());
process.send('ready');
