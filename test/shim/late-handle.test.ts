import assert from 'node:assert';
import { describePrograms, run } from '../support/run-program';

describePrograms('a virtual address known only after a lookup', () => {
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

  it('TLS: the address that is tried first is of the host and refuses -> the virtual one is tried next', async () => {
    const program = async (): Promise<void> => {
      const tls = require('node:tls');
      const pem = await require('selfsigned').generate([{ name: 'commonName', value: 'b.test.ntm' }]);
      const server = tls.createServer({ key: pem.private, cert: pem.cert }, (socket: any) => socket.end('sealed'));
      server.listen(0, () => {
        const addresses = [
          { address: '127.0.0.1', family: 4 },
          { address: 'fd00:6e74::2', family: 6 },
        ];
        tls
          .connect({
            ...{ host: 'somewhere.example', port: server.address().port, rejectUnauthorized: false },
            ...{
              autoSelectFamily: true,
              lookup: (_name: string, _options: unknown, found: any) => found(null, addresses),
            },
          })
          .on('data', (bytes: Buffer) => {
            say(String(bytes), network.calls > 0);
            server.close();
          });
      });
    };
    assert.deepStrictEqual(await run(program, { env: { NTMOBILE_LISTEN: 'virtual' } }), [['sealed', true]]);
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
