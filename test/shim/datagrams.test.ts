import assert from 'node:assert';
import { bothFamilies as both } from '../support/as-on-host';
import { describePrograms, run } from '../support/run-program';

describePrograms('datagrams', () => {
  both('bound server, client sends by name -> answered; sizes, callbacks and the end as on the host', () => {
    const dgram = require('node:dgram');
    const { HOST, TYPE } = process.env;
    const server = dgram.createSocket(TYPE);
    const client = dgram.createSocket(TYPE);
    server.on('message', (message: Buffer, from: any) => {
      say('server', String(message), from.family, from.size, from.port === client.address().port);
      server.send(['echo ', message], from.port, from.address, (error: unknown, sent: number) => say(error, sent));
    });
    client.on('message', (message: Buffer, from: any) => {
      say('client', String(message), from.family, from.size, from.port === server.address().port);
      client.close();
      server.close();
    });
    for (const socket of [client, server]) socket.on('close', () => say('close'));
    server.bind(0, () => {
      say(server.address().family, server.getSendQueueSize(), server.getSendQueueCount());
      client.send('x-hello', 2, 5, server.address().port, HOST, (error: unknown, sent: number) => say(error, sent));
    });
  });

  both('connect -> remoteAddress, send without an address, only the remote is heard; disconnect', () => {
    const dgram = require('node:dgram');
    const { HOST, TYPE } = process.env;
    const server = dgram.createSocket(TYPE);
    const client = dgram.createSocket(TYPE);
    const stranger = dgram.createSocket(TYPE);
    server.on('message', (_message: Buffer, from: any) => {
      const { port } = client.address();
      stranger.send('not for you', port, HOST, () => server.send('for you', from.port, from.address));
    });
    client.on('message', (message: Buffer) => {
      say(String(message));
      client.disconnect();
      for (const act of ['disconnect', 'remoteAddress']) {
        try {
          client[act]();
        } catch (error: any) {
          say(act, error.code);
        }
      }
      for (const socket of [server, client, stranger]) socket.close();
    });
    server.bind(0, () => {
      client.connect(server.address().port, HOST, (error: unknown) => {
        const { family, port } = client.remoteAddress();
        say(error === undefined || error === null, family, port === server.address().port);
        client.send('hello');
      });
    });
  });

  both('connected: nobody has the port -> error ECONNREFUSED', () => {
    const dgram = require('node:dgram');
    const { HOST, TYPE } = process.env;
    const discard = 9; // below the ports that other programs of the host are given at random
    const client = dgram.createSocket(TYPE);
    client.on('error', (error: any) => {
      say(error.message, error.code, error.syscall, error.errno);
      client.close();
    });
    client.connect(discard, HOST, () => client.send('anybody?'));
  });

  both('too long -> EMSGSIZE, in the callback or as an error', () => {
    const dgram = require('node:dgram');
    const { HOST, TYPE } = process.env;
    const socket = dgram.createSocket(TYPE);
    socket.send(Buffer.alloc(65_528), 9, HOST, (error: any) => {
      say(error.code, error.syscall, error.port, error.message.startsWith('send EMSGSIZE '));
      socket.close();
    });
  });

  both('closed -> send and close throw; a queue of calls before bind is kept in order', () => {
    const dgram = require('node:dgram');
    const { HOST, TYPE } = process.env;
    const server = dgram.createSocket(TYPE);
    const client = dgram.createSocket(TYPE);
    const heard: string[] = [];
    server.on('message', (message: Buffer) => {
      heard.push(String(message));
      if (heard.length < 20) return;
      say(heard.join());
      server.close();
      client.close();
      for (const act of [() => client.send('x', 1, HOST), () => client.close()]) {
        try {
          act();
        } catch (error: any) {
          say(error.code);
        }
      }
    });
    server.bind(() => {
      for (let i = 0; i < 20; i++) client.send(`${i}`, server.address().port, HOST);
    });
  });

  both('unref -> the process ends; AbortSignal -> closed', () => {
    const dgram = require('node:dgram');
    const { HOST, TYPE } = process.env;
    const server = dgram.createSocket(TYPE);
    const aborted = new AbortController();
    dgram
      .createSocket({ type: TYPE, signal: aborted.signal })
      .on('close', () => say('aborted'))
      .bind(0, () => aborted.abort());
    server.bind(0, () => {
      const client = dgram.createSocket(TYPE);
      client.connect(server.address().port, HOST, () => {
        client.unref();
        server.unref();
        say('connected');
      });
    });
    process.on('exit', () => say('exit'));
  });

  both('AsyncLocalStorage: a store where the socket was made -> seen in its messages', () => {
    const dgram = require('node:dgram');
    const { AsyncLocalStorage } = require('node:async_hooks');
    const { HOST, TYPE } = process.env;
    const storage = new AsyncLocalStorage();
    const server = storage.run('server', () =>
      dgram
        .createSocket(TYPE)
        .bind(0)
        .on('message', () => {
          say(storage.getStore() ?? null);
          server.close();
          client.close();
        }),
    );
    const client = dgram.createSocket(TYPE);
    server.on('listening', () => storage.run('sender', () => client.send('x', server.address().port, HOST)));
  });

  it('one socket: a virtual and a real peer -> talks to both', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      const server = dgram.createSocket('udp4');
      const client = dgram.createSocket('udp4');
      const from: string[] = [];
      server.on('message', (message: Buffer, { address, port }: any) => server.send(message, port, address));
      client.on('message', (message: Buffer, { address }: any) => {
        from.push(`${String(message)} of ${address}`);
        if (from.length < 2) return;
        say(...from.sort());
        server.close();
        client.close(() => say(network.udp.socketCount, holdCount()));
      });
      server.bind(0, () => {
        const { port } = server.address();
        client.send('real', port, '127.0.0.1');
        client.send('virtual', port, 'b.test.ntm');
      });
    });
    assert.deepStrictEqual(said, [
      ['real of 127.0.0.1', 'virtual of 198.18.0.2'],
      [0, 0],
    ]);
  });

  it('udp6 on `::`: an IPv4 peer sends -> it is shown as ::ffff:, and is answered there', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      const server = dgram.createSocket('udp6');
      const client = dgram.createSocket('udp4');
      server.on('message', (message: Buffer, { address, port, family }: any) => {
        say(address, family);
        server.send(message, port, address);
      });
      client.on('message', (message: Buffer) => {
        say(String(message));
        server.close();
        client.close();
      });
      server.bind(0, () => client.send('hello', server.address().port, 'b.test.ntm'));
    });
    assert.deepStrictEqual(said, [['::ffff:198.18.0.1', 'IPv6'], 'hello']);
  });

  it('slow tunnel: datagrams are sent, the socket is closed -> all go out, in order, and the process ends', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      const heard: string[] = [];
      const server = dgram.createSocket('udp4').on('message', (message: Buffer) => {
        heard.push(String(message));
        if (heard.length === 3) server.close(() => say(heard.join()));
      });
      server.bind(0, () => {
        const client = dgram.createSocket('udp4');
        const bytes = Buffer.from('1');
        const { port } = server.address();
        client.send(bytes, port, 'far.test.ntm', () => say('sent'));
        client.send('2', port, 'far.test.ntm');
        client.send('3', port, 'far.test.ntm', () => client.close());
      });
    });
    assert.deepStrictEqual(said, ['sent', '1,2,3']);
  });

  it('slow tunnel: the bytes of a waiting datagram are changed -> it goes out as it was sent', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      const server = dgram.createSocket('udp4').on('message', (message: Buffer) => {
        say(message.toString());
        server.close();
      });
      server.bind(0, () => {
        const client = dgram.createSocket('udp4');
        const bytes = Buffer.from('as it was');
        client.send(bytes, server.address().port, '198.18.0.3', () => client.close());
        setTimeout(() => bytes.fill('x'), 100); // the tunnel takes 400 ms
      });
    });
    assert.deepStrictEqual(said, ['as it was']);
  });

  it('absent node, unknown address: send -> the callback, or the connected socket, hears why', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      const asked = dgram.createSocket('udp4');
      asked.send('x', 9, 'absent.test.ntm', (error: any) => {
        say(error.message, error.code, error.cause.code);
        asked.close();
      });
      const connected = dgram.createSocket('udp4').on('error', (error: any) => {
        say(error.message);
        connected.close();
      });
      connected.connect(9, '198.18.3.3', () => connected.send('x'));
    });
    assert.deepStrictEqual(said.sort(), [
      'recvmsg EHOSTUNREACH',
      ['send EHOSTUNREACH absent.test.ntm:9', 'EHOSTUNREACH', 'NTM_NODE_ABSENT'],
    ]);
  });

  it('a flood that nobody reads -> what does not fit is lost, and counted', async () => {
    const said = await run(() => {
      const dgram = require('node:dgram');
      const server = dgram.createSocket('udp4').bind(0, () => {
        const client = dgram.createSocket('udp4').bind(0, () => {
          for (let i = 0; i < 1_000; i++) client.send(Buffer.alloc(1_000), server.address().port, '198.18.0.2');
          let heard = 0;
          server.on('message', () => heard++);
          setTimeout(() => {
            say(heard > 100 && heard < 1_000, heard + network.udp.overflows);
            server.close();
            client.close();
          }, 500);
        });
      });
    });
    assert.deepStrictEqual(said, [[true, 1_000]]);
  });
});
