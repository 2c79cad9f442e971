/** Datagrams that mean nothing, the same ones for the same seed, with every first byte and many lengths. */
import { createCipheriv, createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { OpenPort } from './udp-ports';

const ROUNDS = 3;
const LONGEST = 1472;

export function* garbage(seed: string): Generator<Buffer> {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  const take = (length: number): Buffer => stream.update(Buffer.alloc(length));
  for (let round = 0; round < ROUNDS; round++) {
    for (let first = 0; first < 256; first++) {
      const datagram = take(1 + (take(2).readUInt16LE() % LONGEST));
      datagram[0] = first;
      yield datagram;
    }
  }
  yield Buffer.alloc(0);
}

/** Sends all of it to each port on loopback; resolves with the number sent when the last one has left. */
export async function throwGarbage(ports: readonly OpenPort[], seed: string): Promise<number> {
  let sent = 0;
  for (const { family, port } of ports) {
    const socket = createSocket(family === 4 ? 'udp4' : 'udp6');
    for (const datagram of garbage(seed)) {
      await new Promise<void>((done, fail) => {
        socket.send(datagram, port, family === 4 ? '127.0.0.1' : '::1', (error) => (error ? fail(error) : done()));
      });
      sent++;
    }
    await new Promise<void>((done) => socket.close(() => done()));
  }
  return sent;
}
