// The host's resolver, on port 53 of the loopback: answers that no name exists, and says which names it was asked for.
const dnsPacket = require('dns-packet');
const socket = require('node:dgram').createSocket('udp4');

socket.on('message', (query, from) => {
  const { id, questions } = dnsPacket.decode(query);
  for (const { name } of questions) console.log(`asked ${name}`);
  const answer = dnsPacket.encode({ type: 'response', id, flags: dnsPacket.RECURSION_AVAILABLE | 3, questions });
  socket.send(answer, from.port, from.address);
});
socket.bind(53, '127.0.0.1', () => console.log('ready'));
process.on('SIGTERM', () => socket.close());
