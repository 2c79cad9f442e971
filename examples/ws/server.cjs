// An ordinary WebSocket server over TLS: server.cjs PORT KEY-FILE CERT-FILE
const { readFileSync } = require('node:fs');
const https = require('node:https');
const { WebSocket, WebSocketServer } = require('ws');

const [port, keyFile, certFile] = process.argv.slice(2);
const server = https.createServer({ key: readFileSync(keyFile), cert: readFileSync(certFile) });
const sockets = new WebSocketServer({ server, perMessageDeflate: { threshold: 1024 }, maxPayload: 2 ** 26 });

sockets.on('connection', (socket) => {
  socket.send('welcome');
  socket.on('message', (message, isBinary) => {
    const text = isBinary ? '' : message.toString();
    if (text === 'drop me') socket.terminate();
    else if (text === 'close me') socket.close(4001, 'as you wish');
    else if (text.startsWith('all: ')) {
      for (const other of sockets.clients) if (other.readyState === WebSocket.OPEN) other.send(text);
    } else socket.send(message, { binary: isBinary });
  });
});
server.listen(Number(port), () => console.log(`listening on ${server.address().port}`));
process.on('SIGTERM', () => {
  for (const socket of sockets.clients) socket.terminate();
  sockets.close();
  server.close();
});
