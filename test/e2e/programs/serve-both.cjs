// An ordinary server at one port of TCP and one of UDP: says hello, echoes datagrams. `listening on TCP UDP`.
const dgram = require('node:dgram');
const net = require('node:net');

const udp = dgram.createSocket('udp4', (datagram, from) => udp.send(datagram, from.port, from.address));
const tcp = net.createServer((socket) => socket.end('hello'));
tcp.listen(0, '0.0.0.0', () => {
  udp.bind(0, () => console.log(`listening on ${tcp.address().port} ${udp.address().port}`));
});
process.once('SIGTERM', () => {
  tcp.close();
  udp.close();
});
