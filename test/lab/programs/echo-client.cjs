// An ordinary client of echo-server.cjs: says a number every 20 ms, or once, until SIGTERM, and checks what comes back.
//   echo-client.cjs OWN-NAME HOST PORT [once]
// `dialling T` (ms since the Unix epoch) once its own name is known, `answered MS` at the first byte, `goes on` now and
// then, and at the end `silent MS`, the longest time without an answer, and `echoed N of M`, or `failed CODE MESSAGE`.
const { lookup } = require('node:dns');
const { connect } = require('node:net');

const INTERVAL_MS = 20;
const GOES_ON_MS = 250;
const [own, host, port, once] = process.argv.slice(2);

lookup(own, (error) => {
  if (error) return failed(error);
  const startedAt = performance.now();
  console.log(`dialling ${performance.timeOrigin + startedAt}`);
  const socket = connect({ host, port: Number(port), noDelay: true });
  let said = '';
  let heard = '';
  let timer;
  let [lastHeardAt, lastToldAt, silentMs] = [startedAt, startedAt, 0];
  const say = () => {
    const text = `${said.length}\n`;
    said += text;
    socket.write(text);
  };
  socket.setEncoding('utf8');
  socket.on('connect', () => {
    say();
    if (!once) timer = setInterval(say, INTERVAL_MS);
  });
  socket.on('data', (text) => {
    const now = performance.now();
    if (heard === '') console.log(`answered ${now - startedAt}`);
    else silentMs = Math.max(silentMs, now - lastHeardAt);
    if (now - lastToldAt > GOES_ON_MS) {
      console.log('goes on');
      lastToldAt = now;
    }
    lastHeardAt = now;
    heard += text;
    if (!said.startsWith(heard)) failed(new Error('something else came back'));
  });
  socket.on('error', failed);
  socket.on('close', () => {
    clearInterval(timer);
    console.log(`silent ${silentMs}`);
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
