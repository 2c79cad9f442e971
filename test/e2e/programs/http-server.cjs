// An ordinary HTTP server: http-server.cjs HOST [PORT]. Answers with both ends' addresses.
const http = require('node:http');

const [host, port = '0'] = process.argv.slice(2);
const server = http.createServer((request, response) => {
  const { remoteAddress, localAddress } = request.socket;
  response.end(JSON.stringify({ from: remoteAddress, to: localAddress }));
});
server.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
server.listen(Number(port), host, () => console.log(`listening on ${server.address().port}`));
process.on('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
});
