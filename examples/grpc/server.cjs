// An ordinary gRPC server over TLS: server.cjs PORT KEY-FILE CERT-FILE
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const grpc = require('@grpc/grpc-js');
const { Counter } = require('./service.cjs');

const [port, keyFile, certFile] = process.argv.slice(2);
const server = new grpc.Server({ 'grpc.max_receive_message_length': -1 });
const cancelled = new Set();

server.addService(Counter, {
  echo: (call, answer) => answer(null, { ...call.request, cancelled: cancelled.size }),
  async count(call) {
    for (let number = 0; number < call.request.to; number++) {
      if (!call.write({ number, padding: 'x'.repeat(call.request.padding) })) await once(call, 'drain');
    }
    call.end();
  },
  async sum(call, answer) {
    let [sum, bytes] = [0, 0];
    for await (const { number, padding } of call) {
      sum += number;
      bytes += padding.length;
    }
    answer(null, { sum, bytes });
  },
  talk(call) {
    call.on('data', ({ say }) => call.write({ heard: say }));
    call.on('end', () => call.end());
  },
  forever(call) {
    call.on('cancelled', () => cancelled.add(call.request.name));
    call.sendMetadata(new grpc.Metadata()); // it has begun: what ends before may never come here
  },
});

const credentials = grpc.ServerCredentials.createSsl(null, [
  { private_key: readFileSync(keyFile), cert_chain: readFileSync(certFile) },
]);
server.bindAsync(`[::]:${port}`, credentials, (error, bound) => {
  if (error) throw error;
  console.log(`listening on ${bound}`);
});
process.on('SIGTERM', () => server.tryShutdown(() => {}));
