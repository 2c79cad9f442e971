// An ordinary program: connect.cjs HOST PORT [FAMILY]. Prints how the connection went, as one line of JSON.
const net = require('node:net');

const [host, port, family = '0'] = process.argv.slice(2);
const socket = net.connect({ host, port: Number(port), family: Number(family) });
socket.on('connect', () => {
  const { remoteAddress, remoteFamily, remotePort, localAddress } = socket;
  console.log(JSON.stringify({ remoteAddress, remoteFamily, remotePort, localAddress }));
  socket.destroy();
});
socket.on('error', ({ code, syscall, hostname, address, port: errorPort, cause }) => {
  const reason = cause && { cause: cause.code, reason: cause.message };
  console.log(JSON.stringify({ code, syscall, hostname, address, port: errorPort, ...reason }));
});
