// A CoAP server (RFC 7252: HTTP's little sister, over UDP): a greeting, and as many bytes as are asked for, in blocks.
//   node examples/coap-server.cjs 5683
const coap = require('coap');

const server = coap.createServer((request, response) => {
  const url = new URL(request.url, 'coap://server');
  if (url.pathname === '/hello') return response.end(`hello ${request.rsinfo.address}`);
  const bytes = Number(url.searchParams.get('bytes'));
  if (url.pathname === '/blob' && Number.isInteger(bytes)) return response.end(Buffer.alloc(bytes, 'ntmobile '));
  response.code = '4.04';
  response.end();
});

server.listen(Number(process.argv[2] ?? 5683), () => console.log(`listening on ${server._sock.address().port}`));
process.once('SIGTERM', () => server.close());
