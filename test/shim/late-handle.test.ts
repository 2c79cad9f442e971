import assert from 'node:assert';
import { run } from '../support/run-program';

describe('a virtual address known only after a lookup', () => {
  it('connecting: a method of the handle is replaced -> the replacement is called on the virtual one', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net
        .createServer((socket: any) => socket.end())
        .listen(0, () => {
          const client = net.connect({
            ...{ host: 'somewhere.example', port: server.address().port, noDelay: true, keepAlive: true },
            lookup: (_name: string, _options: unknown, found: any) =>
              found(null, [{ address: '198.18.0.2', family: 4 }]),
          });
          client._handle.setNoDelay = (enabled: boolean) => say('noDelay', enabled);
          client._handle.setKeepAlive = (enabled: boolean) => say('keepAlive', enabled);
          client.resume().on('close', () => {
            say('close', network.calls > 0);
            server.close();
          });
        });
    });
    assert.deepStrictEqual(said, [
      ['noDelay', true],
      ['keepAlive', true],
      ['close', true],
    ]);
  });

  it('onread with a function that gives buffers -> asked once at first, and once after each read', async () => {
    const said = await run(() => {
      const net = require('node:net');
      let asked = 0;
      let text = '';
      const server = net
        .createServer((socket: any) => socket.end('hello world'))
        .listen(0, () => {
          net
            .connect({
              ...{ host: 'somewhere.example', port: server.address().port },
              lookup: (_name: string, _options: unknown, found: any) =>
                found(null, [{ address: '198.18.0.2', family: 4 }]),
              onread: {
                buffer: () => (asked++, Buffer.alloc(2)),
                callback: (length: number, buffer: Buffer) => (text += buffer.subarray(0, length)),
              },
            })
            .on('end', () => {
              say(text, asked);
              server.close();
            });
        });
    });
    assert.deepStrictEqual(said, [['hello world', 7]]);
  });
});
