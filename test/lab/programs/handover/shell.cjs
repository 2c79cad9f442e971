// An interactive session by SSH (ssh2). shell.cjs serve PORT: a shell that echoes what is typed, and answers each line
// with its letters turned round. shell.cjs dial HOST PORT: types, a letter every 10 ms, and compares the whole screen.
const { Client, Server, utils } = require('ssh2');
const { Ending, Watch, whenOver } = require('./told.cjs');
const [role, ...rest] = process.argv.slice(2);
const TYPING_MS = 10;
const turned = (line) => [...line].reverse().join('');

function serve(port) {
  const server = new Server({ hostKeys: [utils.generateKeyPairSync('ed25519').private] }, (client) => {
    client.on('error', () => {}); // the client tells of it
    client.on('authentication', (context) => context.accept());
    client.on('session', (accept) => {
      const session = accept();
      session.on('pty', (accepted) => accepted?.());
      session.on('shell', (accepted) => shell(accepted()));
    });
  });
  server.listen(Number(port), () => console.log(`listening ${server.address().port}`));
  void whenOver.then(() => process.exit());
}

function shell(stream) {
  let line = '';
  stream.on('data', (bytes) => {
    for (const letter of bytes.toString()) {
      stream.write(letter);
      if (letter !== '\n') line += letter;
      else {
        stream.write(`${turned(line)}\n`);
        line = '';
      }
    }
  });
  stream.on('end', () => stream.end());
}

function* keys() {
  for (let number = 0; ; number++) yield* `line ${number}\n`;
}

function dial(host, port) {
  const watch = new Watch();
  const client = new Client();
  let [screen, expected, line] = ['', '', ''];
  const ending = new Ending(
    () => screen.length >= expected.length,
    () => client.end(),
  );
  const type = (stream, letter) => {
    stream.write(letter);
    expected += letter;
    if (letter !== '\n') line += letter;
    else {
      expected += `${turned(line)}\n`;
      line = '';
    }
  };
  client.on('ready', () => {
    client.shell((error, stream) => {
      if (error) throw error;
      const typing = keys();
      ending.timer = setInterval(() => type(stream, typing.next().value), TYPING_MS);
      stream.on('data', (bytes) => {
        watch.heard();
        screen += bytes;
        if (!expected.startsWith(screen)) ending.breaks('something else is on the screen');
        ending.look();
      });
    });
  });
  client.on('error', (error) => ending.breaks(error.code ?? error.message));
  client.on('close', () => {
    const lost = Math.max(0, expected.length - screen.length);
    const doubled = Math.max(0, screen.length - expected.length);
    ending.closed({ longestGapMs: watch.longestGapMs, lost, doubled });
  });
  client.connect({ host, port: Number(port), username: 'guest', password: 'any' });
}

if (role === 'serve') serve(...rest);
else dial(...rest);
