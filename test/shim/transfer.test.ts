import assert from 'node:assert';
import { run } from '../support/run-program';

describe('bulk transfer over virtual sockets', () => {
  it('50 MB up and 50 MB down at once over http -> SHA-256 agree, memory stays bounded', async () => {
    const said = await run(() => {
      const http = require('node:http');
      const { createHash, randomBytes } = require('node:crypto');
      const { Readable, pipeline } = require('node:stream');
      const block = randomBytes(1 << 20);
      const body = (): any =>
        Readable.from(
          (function* () {
            for (let i = 0; i < 50; i++) {
              block.writeUInt32LE(i);
              yield Buffer.from(block);
            }
          })(),
          { objectMode: false },
        );
      const digest = (stream: any): Promise<string> =>
        new Promise((done, fail) => {
          const hash = createHash('sha256');
          stream
            .on('data', (chunk: Buffer) => hash.update(chunk))
            .on('end', () => done(hash.digest('hex')))
            .on('error', fail);
        });
      const server = http.createServer(async (request: any, response: any) => {
        const received = digest(request);
        pipeline(body(), response, () => {});
        say('up', await received);
      });
      server.listen(8080, async () => {
        say('sent', await digest(body()));
        const request = http.request({ host: 'b.test.ntm', port: 8080, method: 'POST' }, async (response: any) => {
          say('down', await digest(response));
          const left = process.memoryUsage().arrayBuffers;
          say('memory', left < 200e6 || left);
          server.close();
          server.closeIdleConnections();
        });
        pipeline(body(), request, () => {});
      });
    });
    const digests = new Map(said as [string, string][]);
    assert.match(digests.get('sent')!, /^[0-9a-f]{64}$/);
    assert.strictEqual(digests.get('up'), digests.get('sent'));
    assert.strictEqual(digests.get('down'), digests.get('sent'));
    assert.strictEqual(digests.get('memory'), true);
  });

  it('reader paused: the writer goes on -> write() says false, the stack holds no more than its window', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const TOTAL = 8 << 20;
      const server = net.createServer((socket: any) => {
        socket.pause();
        setTimeout(() => {
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
        }, 200);
      });
      server.listen(0, () => {
        const client = net.connect(server.address().port, 'b.test.ntm', () => {
          say('full', client.write(Buffer.alloc(TOTAL)));
          setTimeout(() => say('queued', client.writableLength > 0, client.bytesWritten), 100);
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
