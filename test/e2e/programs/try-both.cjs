// try-both.cjs HOST TCP-PORT UDP-PORT: what comes of a connection and of a datagram, as one line of JSON.
const dgram = require('node:dgram');
const net = require('node:net');
const { once } = require('node:events');

const [host, tcpPort, udpPort] = process.argv.slice(2);

async function tryTcp() {
  const socket = net.connect({ host, port: Number(tcpPort) });
  try {
    const [text] = await once(socket.setEncoding('utf8'), 'data');
    return text;
  } catch (error) {
    return error.code;
  }
}

async function tryUdp() {
  const socket = dgram.createSocket('udp4');
  socket.connect(Number(udpPort), host);
  const send = () => socket.send('echo');
  const again = setInterval(send, 2_000); // a datagram may be lost
  try {
    const message = once(socket, 'message');
    socket.once('connect', send);
    const [datagram] = await message;
    return datagram.toString();
  } catch (error) {
    return error.code;
  } finally {
    clearInterval(again);
    socket.close();
  }
}

(async () => console.log(JSON.stringify({ tcp: await tryTcp(), udp: await tryUdp() })))();
