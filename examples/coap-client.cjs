// Asks a CoAP server and prints what came back, as one line of JSON.
//   node examples/coap-client.cjs coap://localhost:5683/hello
const coap = require('coap');

coap
  .request(process.argv[2])
  .on('response', (response) => {
    let body = Buffer.alloc(0);
    response.on('data', (part) => (body = Buffer.concat([body, part])));
    response.on('end', () => console.log(JSON.stringify({ code: response.code, body: body.toString() })));
  })
  .on('error', (error) => {
    console.error(error.message);
    process.exitCode = 1;
  })
  .end();
