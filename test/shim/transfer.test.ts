import assert from 'node:assert';
import { describePrograms, run } from '../support/run-program';

describePrograms('bulk transfer over virtual sockets', () => {
  it('50 MB up and 50 MB down: over http in turn, over net at once -> SHA-256 agree, memory stays bounded', async () => {
    const said = await run(() => {
      const http = require('node:http');
      const net = require('node:net');
      const { createHash, randomBytes } = require('node:crypto');
      const { Readable } = require('node:stream');
      const block = randomBytes(1 << 20);
      function* blocks(): Generator<Buffer> {
        for (let i = 0; i < 50; i++) {
          block.writeUInt32LE(i);
          yield Buffer.from(block);
        }
      }
      const body = (): any => Readable.from(blocks(), { objectMode: false });
      const digest = (stream: any): Promise<string> => {
        const hash = createHash('sha256');
        stream.on('data', (chunk: Buffer) => hash.update(chunk));
        return new Promise((done, fail) => stream.on('end', () => done(hash.digest('hex'))).on('error', fail));
      };
      const viaHttp = (): Promise<void> =>
        new Promise((done) => {
          const server = http.createServer(async (request: any, response: any) => {
            say('http up', await digest(request));
            body().pipe(response);
          });
          server.listen(8080, () => {
            const request = http.request({ host: 'b.test.ntm', port: 8080, method: 'POST' }, async (response: any) => {
              say('http down', await digest(response));
              server.close(done);
              server.closeIdleConnections();
            });
            body().pipe(request);
          });
        });
      const viaNet = (): Promise<void> =>
        new Promise((done) => {
          const server = net.createServer({ allowHalfOpen: true }, async (socket: any) => {
            body().pipe(socket);
            say('net up', await digest(socket));
          });
          server.listen(8081, async () => {
            const client = net.connect({ host: 'b.test.ntm', port: 8081, allowHalfOpen: true });
            body().pipe(client);
            say('net down', await digest(client));
            server.close(done);
          });
        });
      void digest(body())
        .then((sent) => say('sent', sent))
        .then(viaHttp)
        .then(viaNet)
        .then(() => {
          const { arrayBuffers } = process.memoryUsage();
          say('memory', arrayBuffers < 200e6 || arrayBuffers);
        });
    });
    const digests = new Map(said as [string, string][]);
    const sent = digests.get('sent');
    assert.match(sent!, /^[0-9a-f]{64}$/);
    const expected = { sent, 'http up': sent, 'http down': sent, 'net up': sent, 'net down': sent, memory: true };
    assert.deepStrictEqual(Object.fromEntries(digests), expected);
  });

  it('reader paused: the writer goes on -> write() says false, the stack holds no more than its window', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const TOTAL = 8 << 20;
      let queued = (): void => {};
      const isQueued = new Promise<void>((done) => (queued = done));
      const server = net.createServer((socket: any) => {
        socket.pause();
        const look = (): void => {
          const [accepted] = [...network.connections].filter((each) => each.remote.port === socket.remotePort);
          say(
            'held back',
            accepted!.unconsumed > 0 && accepted!.unconsumed <= 256 * 1024,
            socket.bytesRead < 512 * 1024,
          );
          let length = 0;
          socket.on('data', (chunk: Buffer) => (length += chunk.length));
          socket.on('end', () => say('all', length === TOTAL));
          socket.resume();
        };
        void isQueued.then(() => setTimeout(look, 100));
      });
      server.listen(0, () => {
        const client = net.connect(server.address().port, 'b.test.ntm', () => {
          say('full', client.write(Buffer.alloc(TOTAL)));
          setTimeout(() => {
            say('queued', client.writableLength > 0, client.bytesWritten);
            queued();
          }, 100);
          client.end();
        });
        client.resume().on('close', () => server.close());
      });
    });
    assert.deepStrictEqual(said, [
      ['full', false],
      ['queued', true, 8 << 20],
      ['held back', true, true],
      ['all', true],
    ]);
  });

  it('send buffer has room: write -> complete at once, as uv_try_write; full -> a callback later', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.pause());
      server.listen(0, () => {
        const client = net.connect(server.address().port, 'b.test.ntm', () => {
          client.write('small');
          say('small', client.writableLength, client._handle.writeQueueSize);
          client.write(Buffer.alloc(1 << 20));
          say('large', client.writableLength > 0, client._handle.writeQueueSize > 0);
          client.destroy();
          server.close();
        });
      });
      server.on('connection', (socket: any) => socket.on('error', () => {}) && setTimeout(() => socket.destroy(), 50));
    });
    assert.deepStrictEqual(said, [
      ['small', 0, 0],
      ['large', true, true],
    ]);
  });
});
