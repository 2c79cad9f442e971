/** DNS over one TCP connection: queries and answers behind their two-byte lengths (RFC 7766 section 8). */
import type { Duplex } from 'node:stream';
import type { DnsServer } from './dns-server';

const QUERY_LIMIT = 4096;

/**
 * One query at a time: reading stops while an answer is made, and while answers are not read, so that a flood waits in
 * the kernel.
 */
export function serveStream(server: DnsServer, socket: Duplex): void {
  let rest = Buffer.alloc(0);
  let busy = false;
  const next = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    socket.pause();
    for (let query = take(); query && !socket.destroyed; query = take()) {
      const answer = await server.answer(query, 'tcp');
      if (!answer) return void socket.destroy();
      const framed = Buffer.alloc(2 + answer.length);
      framed.writeUInt16BE(answer.length);
      framed.set(answer, 2);
      if (!socket.write(framed) && !socket.destroyed) await drained(socket);
    }
    busy = false;
    socket.resume();
  };
  const take = (): Buffer | undefined => {
    if (rest.length < 2) return undefined;
    const length = rest.readUInt16BE();
    if (length > QUERY_LIMIT) {
      server.drop('query too long');
      return void socket.destroy();
    }
    if (rest.length < 2 + length) return undefined;
    const query = rest.subarray(2, 2 + length);
    rest = rest.subarray(2 + length);
    return query;
  };
  socket.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes]);
    void next();
  });
}

/** What was written has been taken, or never will be. */
function drained(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done);
      resolve();
    };
    socket.on('drain', done).on('close', done);
  });
}
