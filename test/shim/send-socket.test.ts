import assert from 'node:assert';
import { describePrograms, run } from '../support/run-program';

describePrograms('a socket sent to a child process', () => {
  it('of a node -> the child gets the message alone, the peer a reset, the program a warning; one of the host is sent', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const child = `process.on('message', (message, socket) => {
        if (!socket) return process.send(message);
        socket.on('close', () => process.disconnect()).end('served by the child');
      })`;
      const options = { execArgv: [...process.execArgv.slice(0, 2), '-e', child], stdio: 'inherit' };
      const forked = require('node:child_process').fork('-', options);
      forked.on('message', (message: string) => say('alone', message));
      process.on('warning', ({ code }: { code?: string }) => say(code));
      const server = net.createServer({ pauseOnConnect: true }, (socket: any) => {
        forked.send('a socket', socket);
        server.getConnections((_error: unknown, count: number) => say('connections', count));
      });
      server.listen(0, () => {
        const { port } = server.address();
        const viaNode = net.connect(port, 'b.test.ntm');
        viaNode.on('error', ({ code }: { code: string }) => say(code));
        viaNode.on('close', () => {
          net.connect(port, '127.0.0.1').on('data', (bytes: Buffer) => say(bytes.toString()));
          forked.on('exit', () => server.close());
        });
      });
    });
    assert.deepStrictEqual(said.map(String).sort(), [
      'ECONNRESET',
      'NTM_SOCKET_NOT_SENT',
      'alone,a socket',
      'connections,0',
      'connections,1', // which the child has
      'served by the child',
    ]);
  });
});
