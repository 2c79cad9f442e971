import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { TcpConnection } from '../../core/packet/stack/stack-contract';
import { Splice, type SpliceEnd } from '../../core/splice';

/** A virtual side that takes all that it is given. */
const virtual: TcpConnection = {
  local: { address: '198.18.0.1', port: 1 },
  remote: { address: '198.18.0.2', port: 2 },
  writableLength: 0,
  unacknowledgedLength: 0,
  write: ({ length }) => length,
  shutdown: () => {},
  consumed: () => {},
  abort: () => {},
  setNoDelay: () => {},
  setKeepAlive: () => {},
  setEvents: () => {},
};

describe('a splice of a virtual connection with one of the host', () => {
  let server: Server;
  let host: Socket;
  let peer: Socket;
  let splice: Splice;
  let ended: SpliceEnd[];

  beforeEach(async () => {
    server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    host = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true });
    [[peer]] = (await Promise.all([once(server, 'connection'), once(host, 'connect')])) as [[Socket], unknown];
    ended = [];
    splice = new Splice(host, (end) => ended.push(end));
    splice.accept(virtual);
  });
  afterEach(async () => {
    host.destroy();
    peer.destroy();
    await once(server.close(), 'close');
  });

  for (const [when, wait] of [
    ['in the same turn', () => {}],
    ['while the host is shut down', () => new Promise(process.nextTick)],
    ['after the host was shut down', () => once(host, 'finish')],
  ] as const) {
    it(`the virtual side ends, and is reset ${when} -> the host's connection is reset, and nothing is left`, async () => {
      const closed = once(host, 'close');
      splice.ended();
      await wait();
      splice.failed('ECONNRESET');
      assert.equal(ended.length, 1);
      await closed;
      // A descriptor that was left open would take what the peer writes until its buffers are full, and say nothing.
      const failed = once(peer, 'error') as Promise<[NodeJS.ErrnoException]>;
      const writes = setInterval(() => peer.write('x'), 1);
      const [{ code }] = await failed;
      clearInterval(writes);
      assert.match(code!, /^(ECONNRESET|EPIPE)$/);
    });
  }
});
