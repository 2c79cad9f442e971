import assert from 'node:assert/strict';
import { describePrograms, run } from '../support/run-program';

describePrograms('an address, on a first start, of which it is not known yet whether it is virtual', () => {
  it('it turns out virtual -> TCP, TLS, HTTP, lookups backwards and UDP wait and reach the node', async () => {
    const said = await run(async () => {
      const http = require('node:http');
      const pem = await require('selfsigned').generate([{ name: 'commonName', value: 'b.test.ntm' }]);
      const { promises: dns } = require('node:dns');
      const { once } = require('node:events');
      const server = http.createServer((_request: any, response: any) => response.end('hello')).listen(0);
      const secure = require('node:tls')
        .createServer({ key: pem.private, cert: pem.cert }, (socket: any) => socket.end('sealed'))
        .listen(0);
      const udp = require('node:dgram').createSocket('udp4').bind(0);
      await Promise.all([once(server, 'listening'), once(secure, 'listening'), once(udp, 'listening')]);
      network.joined = false;

      const client = require('node:dgram').createSocket('udp4');
      const sent = once(udp, 'message');
      client.send('hi', udp.address().port, '198.18.0.2');
      const [[answer], sealed, fetched, [hostname]] = await Promise.all([
        once(http.get({ host: 'fd00:6e74::2', port: server.address().port }), 'response'),
        new Promise((resolve) =>
          require('node:tls')
            .connect({ host: '198.18.0.2', port: secure.address().port, rejectUnauthorized: false })
            .on('data', (bytes: Buffer) => resolve(String(bytes))),
        ),
        fetch(`http://[fd00:6e74::2]:${server.address().port}/`).then((response: any) => response.text()),
        dns.reverse('198.18.0.2'),
      ]);
      answer.resume();
      say(answer.socket.remoteAddress, sealed, fetched, hostname, String((await sent)[0]), network.calls > 0);
      for (const each of [server, secure, udp, client]) each.close();
    });
    assert.deepEqual(said, [['fd00:6e74::2', 'sealed', 'hello', 'b.test.ntm', 'hi', true]]);
  });

  it("it turns out the host's -> the host's server is reached", async () => {
    const said = await run(async () => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.end('of the host')).listen(0, '127.9.0.1');
      await require('node:events').once(server, 'listening');
      network.joined = false;
      net.connect(server.address().port, '127.9.0.1').on('data', (bytes: Buffer) => {
        say(String(bytes), network.calls);
        server.close();
      });
    });
    assert.deepEqual(said, [['of the host', 0]]);
  });

  it('login fails, and the host cannot connect either -> the error says why the node has not joined', async () => {
    const said = await run(() => {
      network.joined = false;
      network.loginError = Object.assign(new Error('wrong password'), { code: 'NTM_LOGIN_REFUSED' });
      require('node:net')
        .connect(1, '127.9.0.1')
        .on('error', (error: any) => say(error.code, error.cause?.message));
    });
    assert.deepEqual(said, [['ECONNREFUSED', 'wrong password']]);
  });

  it('destroyed while it waits -> close without error, nothing holds the process', async () => {
    const said = await run(() => {
      network.joined = false;
      const socket = require('node:net').connect(1, '198.18.0.2');
      socket.on('error', () => say('error')).on('close', (hadError: boolean) => say('close', hadError, network.calls));
      setImmediate(() => socket.destroy());
    });
    assert.deepEqual(said, [['close', false, 0]]);
  });
});
