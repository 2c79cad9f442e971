import assert from 'node:assert';
import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import { LoopbackPairs } from '../../shim/loopback-pairs';
import type { TcpHandle } from '../../shim/node-internals';

describe('pairs of connected sockets of the host', () => {
  const newPairs = (): LoopbackPairs => new LoopbackPairs((handle, address, port) => handle.bind(address, port));
  const socketOf = (handle: TcpHandle): Socket => new Socket({ handle } as object);

  it('pairs are opened at once -> each end is connected to its own other end, also after close()', async () => {
    const pairs = newPairs();
    const opened = await Promise.all(
      [0, 1, 2, 3, 4].map(
        (index) =>
          new Promise<[Socket, Socket]>((done) => {
            const near: Socket = pairs.open((far) => done([near, socketOf(far)]));
            near.write(`near ${index}`);
          }),
      ),
    );
    pairs.close();
    for (const [index, [near, far]] of opened.entries()) {
      assert.equal(String((await once(far, 'data'))[0]), `near ${index}`);
      far.end(`far ${index}`);
      assert.equal(String((await once(near, 'data'))[0]), `far ${index}`);
      near.destroy();
      far.destroy();
    }
  });

  it('another program connects to the port, before, during and after -> it is closed, and no end of a pair', async () => {
    const pairs = newPairs();
    const fars: TcpHandle[] = [];
    const near = pairs.open((far) => fars.push(far));
    await once(near, 'connect');
    const refused: Promise<unknown>[] = [];
    const intrude = (): void => {
      const stranger = connect(near.remotePort!, '127.0.0.1').on('error', () => {});
      refused.push(once(stranger.resume(), 'close'));
    };
    intrude();
    await refused[0];
    intrude();
    const second: Socket = await new Promise((done) => {
      const opened = pairs.open((far) => {
        fars.push(far);
        done(opened);
      });
      intrude();
    });
    await Promise.all(refused);
    assert.equal(fars.length, 2);
    const ports = fars.map((far) => {
      const at: { port?: number } = {};
      far.getpeername(at);
      return at.port;
    });
    assert.deepEqual(ports, [near.localPort, second.localPort]);
    for (const far of fars) far.close();
    near.destroy();
    second.destroy();
    pairs.close();
  });

  it('a pair is not complete: close(), or the socket is destroyed -> no other end follows, nothing stays open', async () => {
    const pairs = newPairs();
    const refuse = (): never => assert.fail('an end of a pair that nobody wants');
    const first = pairs.open(refuse);
    first.destroy();
    await once(first, 'close');
    const second = pairs.open(refuse);
    pairs.close();
    await once(second, 'close');
  });

  it('the host has no loopback -> the socket fails', async () => {
    const pairs = new LoopbackPairs(() => -99);
    const [error] = await once(
      pairs.open(() => assert.fail()),
      'error',
    );
    assert.equal(error.code, 'EADDRNOTAVAIL');
  });
});
