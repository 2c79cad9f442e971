/** A DC as an RS needs one: it takes reports and asks for paths. */
import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { nodeClock, nodeRandom, nodeTimers } from '../../dist/core/runtime-node.js';
import { agreedKey, generateKeyPair, sharedKey } from '../../dist/core/wire/keys.js';
import { RELAY_HEADER_LENGTH, writeRelayHeader } from '../../dist/core/wire/relay-frame.js';
import { Signalling } from '../../dist/core/wire/signalling.js';

const ports = { clock: nodeClock, timers: nodeTimers, random: nodeRandom, trace: () => {} };

export async function startCoordinator() {
  const identity = generateKeyPair(nodeRandom);
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const transmit = (datagram, to) => socket.send(Buffer.from(datagram), to.port, to.address);
  const signalling = new Signalling({ party: 'dc', part: 'dc', identity, ...ports, transmit });
  socket.on('message', (datagram, from) => signalling.receive(datagram, from));
  const reported = new Promise((resolve) => {
    signalling.handle('serverReport', (body, { from }) => {
      resolve(from);
      return { name: 'serverReportAck', body: {} };
    });
  });
  let rs;
  return {
    publicKey: identity.publicKey,
    endpoint: `127.0.0.1:${socket.address().port}`,
    trust(publicKey) {
      rs = signalling.addPeer({ key: agreedKey(identity, publicKey), party: 'rs', name: 'rs.bench' });
    },
    /** A path, as relay/load.c wants it. */
    async path() {
      const keys = [nodeRandom.bytes(32), nodeRandom.bytes(32)];
      const message = { name: 'relayDirection', body: { owner: 'bench', keys } };
      const { body } = await signalling.request(rs, await reported, message);
      const header = new Uint8Array(RELAY_HEADER_LENGTH);
      writeRelayHeader(header, body.pathId);
      return [...keys.map(relayBind), header].map((bytes) => Buffer.from(bytes).toString('hex'));
    },
    close() {
      signalling.close();
      socket.close();
    },
  };
}

/** One, sealed, of the side that has this key. */
function relayBind(key) {
  let sealed;
  const transmit = (datagram) => (sealed = datagram);
  const signalling = new Signalling({ party: 'node', part: 'node', ...ports, transmit });
  const rs = signalling.addPeer({ key: sharedKey(key, 0), party: 'rs', name: 'rs' });
  signalling.request(rs, undefined, { name: 'relayBind', body: {} }).catch(() => {}); // nobody waits for it here
  signalling.close();
  return sealed;
}
