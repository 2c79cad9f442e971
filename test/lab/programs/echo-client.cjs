// An ordinary client of echo-server.cjs: says a number every 20 ms until SIGTERM, and checks what comes back.
//   echo-client.cjs OWN-NAME HOST PORT
// `dialling T` (ms since the Unix epoch) once its own name is known, `answered MS` at the first byte, and at the end
// `echoed N of M`, or `failed CODE MESSAGE`.
const { lookup } = require('node:dns');
const { connect } = require('node:net');

const INTERVAL_MS = 20;
const [own, host, port] = process.argv.slice(2);

lookup(own, (error) => {
  if (error) return failed(error);
  const startedAt = performance.now();
  console.log(`dialling ${performance.timeOrigin + startedAt}`);
  const socket = connect({ host, port: Number(port), noDelay: true });
  let said = '';
  let heard = '';
  let timer;
  const say = () => {
    const text = `${said.length}\n`;
    said += text;
    socket.write(text);
  };
  socket.setEncoding('utf8');
  socket.on('connect', () => {
    say();
    timer = setInterval(say, INTERVAL_MS);
  });
  socket.on('data', (text) => {
    if (heard === '') console.log(`answered ${performance.now() - startedAt}`);
    heard += text;
    if (!said.startsWith(heard)) failed(new Error('something else came back'));
  });
  socket.on('error', failed);
  socket.on('close', () => {
    clearInterval(timer);
    console.log(`echoed ${heard.length} of ${said.length}`);
  });
  process.on('SIGTERM', () => {
    clearInterval(timer);
    socket.end();
  });
});

function failed(error) {
  console.log(`failed ${error.code ?? ''} ${error.message}`);
  process.exit(1);
}
