import assert from 'node:assert';
import { describePrograms, run } from '../support/run-program';

describePrograms('errors of virtual sockets', () => {
  it('nobody listens: connect -> ECONNREFUSED shaped as Node shapes it', async () => {
    const said = await run(() => {
      require('node:net')
        .connect(81, 'b.test.ntm')
        .on('error', (error: any) => {
          say(error.message, error.code, error.errno, error.syscall, error.address, error.port, error.cause ?? null);
        });
    });
    const address = '198.18.0.2';
    assert.deepStrictEqual(said, [
      [`connect ECONNREFUSED ${address}:81`, 'ECONNREFUSED', -111, 'connect', address, 81, null],
    ]);
  });

  it('node absent: connect -> EHOSTUNREACH with the reason as cause, for net, http and fetch', async () => {
    const said = await run(async () => {
      const describe = (error: any): unknown => [error.message, error.errno, error.cause?.name, error.cause?.code];
      await new Promise<void>((done) => {
        require('node:net')
          .connect(80, 'absent.test.ntm')
          .on('error', (error: any) => {
            say(describe(error));
            done();
          });
      });
      await new Promise<void>((done) => {
        require('node:http')
          .get('http://absent.test.ntm/')
          .on('error', (error: any) => {
            say(describe(error));
            done();
          });
      });
      await fetch('http://absent.test.ntm/').catch((error: any) => say(describe(error.cause)));
    });
    const expected = ['connect EHOSTUNREACH 198.18.0.9:80', -113, 'NtmError', 'NTM_NODE_ABSENT'];
    assert.deepStrictEqual(said, [expected, expected, expected]);
  });

  it('no such address: connect by address, both families at once -> AggregateError, each with its cause', async () => {
    const said = await run(() => {
      const lookup = (_host: string, _options: unknown, callback: (...args: unknown[]) => void): void =>
        callback(null, [
          { address: '198.18.0.77', family: 4 },
          { address: 'fd00:6e74::77', family: 6 },
        ]);
      require('node:net')
        .connect({ port: 80, host: 'alias.invalid', lookup })
        .on('error', (error: any) =>
          say(
            error.name,
            error.errors.map((each: any) => [each.message, each.cause.code]),
          ),
        );
    });
    const causes = [
      ['connect EHOSTUNREACH 198.18.0.77:80', 'NTM_NO_SUCH_NAME'],
      ['connect EHOSTUNREACH fd00:6e74::77:80', 'NTM_NO_SUCH_NAME'],
    ];
    assert.deepStrictEqual(said, [['AggregateError', causes]]);
  });

  it('no such name: connect -> ENOTFOUND with the reason as cause', async () => {
    const said = await run(() => {
      require('node:net')
        .connect(80, 'nobody.test.ntm')
        .on('error', (error: any) => {
          say(error.message, error.code, error.errno, error.syscall, error.hostname, error.cause.code);
        });
    });
    assert.deepStrictEqual(said, [
      [
        'getaddrinfo ENOTFOUND nobody.test.ntm',
        'ENOTFOUND',
        -3008,
        'getaddrinfo',
        'nobody.test.ntm',
        'NTM_NO_SUCH_NAME',
      ],
    ]);
  });

  it('peer resets: reading -> read ECONNRESET and close(true)', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.once('data', () => socket.resetAndDestroy()));
      server.listen(0, () => {
        const client = net.connect(server.address().port, 'b.test.ntm', () => client.write('x'));
        client.on('error', (error: any) => say(error.message, error.code, error.errno, error.syscall));
        client.on('close', (hadError: boolean) => {
          say('close', hadError);
          server.close();
        });
      });
    });
    assert.deepStrictEqual(said, [
      ['read ECONNRESET', 'ECONNRESET', -104, 'read'],
      ['close', true],
    ]);
  });

  it('answered and destroyed while the last bytes are read -> the peer gets the answer and an end, no reset', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => {
        socket.on('data', () => {
          socket.write('answer');
          socket.destroy();
        });
      });
      server.listen(0, () => {
        const client = net.connect(server.address().port, 'b.test.ntm', () => client.write('question'));
        client.on('data', (chunk: Buffer) => say(String(chunk)));
        client.on('error', (error: any) => say(error.message));
        client.on('end', () => say('end'));
        client.on('close', () => server.close());
      });
    });
    assert.deepStrictEqual(said, ['answer', 'end']);
  });

  it('connecting: established and reset within one turn -> connect, then ECONNRESET', async () => {
    const said = await run(() => {
      const net = require('node:net');
      network.listenTcp({ address: '::', port: 8080, backlog: 1 }, (connection) => connection.abort());
      const client = net.connect(8080, 'b.test.ntm', () => say('connect'));
      client.on('error', (error: any) => say(error.code));
      client.on('close', () => say('close', holdCount()));
    });
    assert.deepStrictEqual(said, ['connect', 'ECONNRESET', ['close', 0]]);
  });

  it('peer resets under TLS: reading -> the TLSSocket fails with ECONNRESET', async () => {
    const said = await run(async () => {
      const tls = require('node:tls');
      const pem = await require('selfsigned').generate([{ name: 'commonName', value: 'b.test.ntm' }]);
      const raw: any[] = [];
      const server = tls.createServer({ key: pem.private, cert: pem.cert }, (socket: any) => {
        socket.on('error', () => {});
        socket.once('data', () => raw[0].resetAndDestroy());
      });
      server.on('connection', (socket: any) => raw.push(socket));
      server.listen(0, () => {
        const client = tls.connect({ port: server.address().port, host: 'b.test.ntm', rejectUnauthorized: false });
        client.on('secureConnect', () => client.write('x'));
        client.on('error', (error: any) => say(error.message, error.code));
        client.on('close', () => server.close());
      });
    });
    assert.deepStrictEqual(said, [['read ECONNRESET', 'ECONNRESET']]);
  });

  it('slow tunnel: destroyed while connecting -> close and no error, nothing is left', async () => {
    const said = await run(() => {
      const client = require('node:net').connect(80, '198.18.0.8');
      client.on('error', (error: any) => say(error.message));
      client.on('close', (hadError: boolean) => say('close', hadError, holdCount()));
      setTimeout(() => client.destroy(), 50);
    });
    assert.deepStrictEqual(said, [['close', false, 0]]);
  });

  it('slow tunnel: longer than happy eyeballs would wait -> connects', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.end('hi'));
      server.listen(0, () => {
        const client = net.connect(server.address().port, 'far.test.ntm');
        client.on('data', (chunk: Buffer) => say(String(chunk)));
        client.on('connectionAttemptTimeout', () => say('timeout'));
        client.on('close', () => server.close());
      });
    });
    assert.deepStrictEqual(said, ['hi']);
  });

  it('unanswered: AbortSignal, socket timeout -> AbortError, timeout event', async () => {
    const said = await run(async () => {
      const http = require('node:http');
      const server = http.createServer(() => {}); // never answers
      await new Promise<void>((done) => server.listen(8080, done));
      await fetch('http://b.test.ntm:8080/', { signal: AbortSignal.timeout(50) }).catch((error: any) =>
        say(error.name),
      );
      server.close();
      await new Promise<void>((done) => {
        const request = http.get({ host: 'silent.test.ntm', timeout: 60 });
        request.on('timeout', () => {
          say('timeout');
          request.destroy();
        });
        request.on('error', (error: any) => {
          say(error.code);
          done();
        });
      });
      const socket = require('node:net').connect({
        port: 80,
        host: 'silent.test.ntm',
        signal: AbortSignal.timeout(40),
      });
      socket.on('error', (error: any) => say(error.name));
    });
    assert.deepStrictEqual(said, ['TimeoutError', 'timeout', 'ECONNRESET', 'AbortError']);
  });

  it('peer gone: writing on -> EPIPE or ECONNRESET, never silence', async () => {
    const said = await run(() => {
      const net = require('node:net');
      const server = net.createServer((socket: any) => socket.destroy());
      server.listen(0, () => {
        const client = net.connect({ port: server.address().port, host: 'b.test.ntm', allowHalfOpen: true });
        const timer = setInterval(() => client.write('x'), 5);
        client.on('error', (error: any) => {
          say(['EPIPE', 'ECONNRESET'].includes(error.code));
          clearInterval(timer);
          server.close();
        });
      });
    });
    assert.deepStrictEqual(said, [true]);
  });
});
