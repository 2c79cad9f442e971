// whom-do-i-dial.mjs HOST TCP TLS HTTP UNSEEN UDP: asks who-dials-me.cjs, and says, for each, what it was told and by
// which name it knows the server, as one line of JSON.
import dgram from 'node:dgram';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import { peerName } from 'ntmobile';

const [host, tcpPort, tlsPort, httpPort, unseenPort, udpPort] = process.argv.slice(2);

async function overStream(socket) {
  const [text] = await once(socket.setEncoding('utf8'), 'data');
  return { told: text, known: peerName(socket) };
}

async function overHttp() {
  const [response] = await once(http.get({ host, port: httpPort }), 'response');
  const known = peerName(response.socket);
  const [text] = await once(response.setEncoding('utf8'), 'data');
  return { told: text, known };
}

async function overUdp() {
  const socket = dgram.createSocket('udp4');
  const send = () => socket.send('who am I?', udpPort, host);
  const again = setInterval(send, 2_000); // a datagram may be lost
  send();
  const [datagram, from] = await once(socket, 'message');
  clearInterval(again);
  socket.close();
  return { told: String(datagram), known: peerName(from), byAddress: peerName(from.address) };
}

const outcome = {
  tcp: await overStream(net.connect({ host, port: tcpPort })),
  tls: await overStream(tls.connect({ host, port: tlsPort, servername: host })),
  http: await overHttp(),
  udp: await overUdp(),
};
const unseen = net.connect({ host, port: unseenPort }).resume().end();
await once(unseen, 'close');

const atHost = net.createServer((socket) => socket.end());
await once(atHost.listen(0, '127.0.0.1'), 'listening');
const hostSocket = net.connect(atHost.address().port, '127.0.0.1');
await once(hostSocket, 'connect');
const others = [hostSocket, new net.Socket(), '127.0.0.1', '198.18.200.200', 'no address', undefined, {}, 7];
outcome.others = others.map((other) => peerName(other) ?? null);
hostSocket.resume();
await once(hostSocket, 'close');
atHost.close();
console.log(JSON.stringify(outcome));
