// An SSH server made with ssh2: server.cjs PORT. User `guest` with password `welcome`; runs no shell, only what is below.
const net = require('node:net');
const { Server, utils } = require('ssh2');

const server = new Server({ hostKeys: [utils.generateKeyPairSync('ed25519').private], banner: 'be nice' }, (client) => {
  client.on('error', () => {}); // a client that leaves
  client.on('authentication', (context) => {
    const { method, username, password } = context;
    if (method === 'password' && username === 'guest' && password === 'welcome') context.accept();
    else context.reject(['password']);
  });
  client.on('session', (accept) => {
    const session = accept();
    session.on('exec', (accepted, reject, { command }) => {
      const stream = accepted();
      if (command === 'cat') {
        stream.pipe(stream, { end: false });
        stream.on('end', () => {
          stream.exit(0);
          stream.end();
        });
      } else if (command.startsWith('say ')) {
        stream.write(command.slice(4));
        stream.exit(0);
        stream.end();
      } else {
        stream.stderr.write('no such command');
        stream.exit(127);
        stream.end();
      }
    });
  });
  // -L: to what the client may reach from here.
  client.on('tcpip', (accept, reject, { destIP, destPort }) => {
    const socket = net.connect(destPort, destIP, () => {
      const channel = accept();
      channel.pipe(socket).pipe(channel);
    });
    socket.on('error', () => reject());
  });
});

const echo = net.createServer((socket) => socket.pipe(socket).on('error', () => {}));
echo.listen(0, '127.0.0.1', () => {
  server.listen(Number(process.argv[2]), () =>
    console.log(`listening on ${server.address().port} ${echo.address().port}`),
  );
});
process.on('SIGTERM', () => {
  server.close();
  echo.close();
});
