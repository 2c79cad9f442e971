// websocket.cjs serve PORT: echoes. websocket.cjs dial HOST PORT: a message every 20 ms; each must come back, once, as
// it was, in order.
const { WebSocket, WebSocketServer } = require('ws');
const { Ending, message, Watch, whenOver } = require('./told.cjs');
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
  let [sent, next, doubled] = [0, 0, 0];
  const ending = new Ending(
    () => next === sent,
    () => socket.close(),
  );
  socket.on('open', () => {
    ending.timer = setInterval(() => socket.send(message(sent++)), INTERVAL_MS);
  });
  socket.on('message', (bytes) => {
    watch.heard();
    const text = bytes.toString();
    if (text === message(next)) next++;
    else if (parseInt(text) < next) doubled++;
    else ending.breaks(`${text.slice(0, 20)} instead of ${next}`);
    ending.look();
  });
  socket.on('error', (error) => ending.breaks(error.code ?? error.message));
  socket.on('close', () => ending.closed({ longestGapMs: watch.longestGapMs, lost: sent - next, doubled, sent }));
}

if (role === 'serve') serve(...rest);
else dial(...rest);
