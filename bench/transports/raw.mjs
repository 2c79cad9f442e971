/**
 * The ceiling: datagrams sealed as the tunnel seals them, sent and received by node:dgram, and no stack. The receiver
 * answers every 32nd, and at most 512 are out, so that the receiver's socket does not overflow.
 */
import { createSocket } from 'node:dgram';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { bestCipher } = require('../../dist/core/packet/wireguard/cipher.js');

const HEADER = 16;
const TAG = 16;
const ANSWER_EVERY = 32;
const WINDOW = 512;
const IP_AND_UDP = 28;

export async function openTransport({ port, endpoint, linkMtu }) {
  const length = linkMtu - IP_AND_UDP - HEADER - TAG;
  const cipher = bestCipher()(new Uint8Array(32).fill(3));
  const literal = (address, _, callback) => callback(null, address, 4);
  const socket = createSocket({ type: 'udp4', lookup: literal });
  await new Promise((resolve) => socket.bind(port, resolve));
  socket.setRecvBufferSize(4 << 20);
  await new Promise((resolve) => socket.connect(endpoint.port, endpoint.address, resolve));
  const plaintext = new Uint8Array(length);
  return {
    /** Calls `onBytes` with the length of what arrived. */
    listen: async (onConnection) => {
      const connection = { end: () => {} };
      onConnection(connection);
      const opened = Buffer.alloc(length);
      let received = 0;
      socket.on('message', (datagram) => {
        const counter = datagram.readUInt32LE(8);
        if (!cipher.open(counter, datagram.subarray(HEADER), opened)) throw new Error('not authentic');
        connection.onData(opened);
        if (++received % ANSWER_EVERY === 0) socket.send(Buffer.alloc(HEADER));
      });
    },
    connect: () => {
      let counter = 0;
      let answered = 0;
      const connection = { onOpen: () => {}, end: () => socket.close() };
      const pump = () => {
        while (counter - answered * ANSWER_EVERY < WINDOW) {
          const datagram = Buffer.allocUnsafe(HEADER + length + TAG);
          datagram.writeUInt32LE(++counter, 8);
          cipher.seal(counter, plaintext, datagram.subarray(HEADER));
          socket.send(datagram);
        }
      };
      socket.on('message', () => {
        answered++;
        pump();
      });
      process.nextTick(() => pump());
      return connection;
    },
  };
}
