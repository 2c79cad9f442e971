// websocket.cjs serve PORT: echoes. websocket.cjs dial HOST PORT: a message every 20 ms; each must come back, once, as
// it was, in order.
const { WebSocket, WebSocketServer } = require('ws');
const { message, tell, Watch, whenOver } = require('./told.cjs');
const [role, ...rest] = process.argv.slice(2);
const INTERVAL_MS = 20;

function serve(port) {
  const server = new WebSocketServer({ port: Number(port) }, () => console.log(`listening ${server.address().port}`));
  server.on('connection', (socket) => socket.on('message', (bytes, binary) => socket.send(bytes, { binary })));
  void whenOver.then(() => process.exit());
}

function dial(host, port) {
  const watch = new Watch();
  const socket = new WebSocket(`ws://${host}:${port}/`);
  let [sent, next, doubled, broken, over] = [0, 0, 0, null, false];
  let timer;
  const finishIfDone = () => over && next === sent && socket.close();
  socket.on('open', () => {
    timer = setInterval(() => socket.send(message(sent++)), INTERVAL_MS);
  });
  socket.on('message', (bytes) => {
    watch.heard();
    const text = bytes.toString();
    if (text === message(next)) next++;
    else if (parseInt(text) < next) doubled++;
    else broken ??= `${text.slice(0, 20)} instead of ${next}`;
    finishIfDone();
  });
  socket.on('error', (error) => (broken ??= error.code ?? error.message));
  socket.on('close', () => {
    clearInterval(timer);
    if (!over) broken ??= 'closed';
    tell({ longestGapMs: watch.longestGapMs, lost: sent - next, doubled, broken, sent });
  });
  void whenOver.then(() => {
    clearInterval(timer);
    over = true;
    finishIfDone();
  });
}

if (role === 'serve') serve(...rest);
else dial(...rest);
