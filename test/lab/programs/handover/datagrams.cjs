// datagrams.cjs serve PORT: echoes. datagrams.cjs dial HOST PORT: a numbered datagram every 10 ms. Some may be lost
// while the network changes; none may come twice.
const { createSocket } = require('node:dgram');
const { lookup } = require('node:dns');
const { message, tell, Watch, whenOver } = require('./told.cjs');
const [role, ...rest] = process.argv.slice(2);
const INTERVAL_MS = 10;
/** What is under way at the end may still come. */
const LAST_MS = 1_000;
const LONGEST = 1_100;

function serve(port) {
  const socket = createSocket('udp6');
  socket.on('message', (bytes, from) => socket.send(bytes, from.port, from.address));
  socket.bind(Number(port), () => console.log(`listening ${socket.address().port}`));
  void whenOver.then(() => process.exit());
}

function dial(host, port) {
  lookup(host, (error, address, family) => {
    if (error) throw error;
    const watch = new Watch();
    const socket = createSocket(`udp${family}`);
    const back = new Set();
    let [sent, doubled, broken] = [0, 0, null];
    socket.on('message', (bytes) => {
      watch.heard();
      const number = parseInt(bytes);
      if (back.has(number)) doubled++;
      else if (bytes.toString() !== message(number).slice(0, LONGEST)) broken ??= `${number} is not as it was`;
      back.add(number);
    });
    socket.on('error', (error) => (broken ??= error.code ?? error.message));
    const send = () => socket.send(message(sent++).slice(0, LONGEST), Number(port), address);
    const timer = setInterval(send, INTERVAL_MS);
    void whenOver.then(() => {
      clearInterval(timer);
      setTimeout(() => {
        socket.close();
        tell({ longestGapMs: watch.longestGapMs, lost: sent - back.size, doubled, broken, sent });
      }, LAST_MS);
    });
  });
}

if (role === 'serve') serve(...rest);
else dial(...rest);
