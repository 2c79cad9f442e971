// A server that tells whoever asks by which name it knows him: over TCP, TLS, HTTP and UDP, in this order:
// `listening on TCP TLS HTTP UDP`. KEY-FILE CERT-FILE. At its end, whom it remembers of connections that are closed.
const dgram = require('node:dgram');
const { readFileSync } = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const tls = require('node:tls');
const { peerName } = require('ntmobile');

const [keyFile, certFile] = process.argv.slice(2);
const certificate = { key: readFileSync(keyFile), cert: readFileSync(certFile) };
const nameOf = (peer) => String(peerName(peer));
const greet = (socket) => {
  socket.end(nameOf(socket));
  socket.on('close', () => console.log(`closed: ${nameOf(socket)}`));
};
const unseen = net.createServer((socket) => {
  socket.resume().end();
  socket.on('close', () => console.log(`closed unseen: ${nameOf(socket)}`));
});
const servers = [
  net.createServer(greet),
  tls.createServer(certificate, greet),
  http.createServer((request, response) => {
    response.setHeader('connection', 'close');
    response.end(nameOf(request.socket));
  }),
  unseen,
];
const udp = dgram.createSocket('udp6', (_, from) => udp.send(nameOf(from), from.port, from.address));

(async () => {
  for (const server of servers) await new Promise((listening) => server.listen(0, '::', listening));
  await new Promise((bound) => udp.bind(0, bound));
  const ports = [...servers, udp].map((server) => server.address().port);
  console.log(`listening on ${ports.join(' ')}`);
})();
process.once('SIGTERM', () => {
  for (const server of servers) server.close();
  udp.close();
});
