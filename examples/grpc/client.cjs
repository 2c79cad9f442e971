// Against server.cjs: client.cjs HOST:PORT CA-FILE. The four kinds of call, a deadline, a cancellation.
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const { promisify } = require('node:util');
const grpc = require('@grpc/grpc-js');
const { Counter } = require('./service.cjs');

const [target, caFile] = process.argv.slice(2);
const PADDING = 4_000;

async function main() {
  const Client = grpc.makeGenericClientConstructor(Counter, 'Counter');
  const client = new Client(target, grpc.credentials.createSsl(readFileSync(caFile)), {
    'grpc.max_receive_message_length': -1,
  });
  const echo = promisify(client.echo.bind(client));

  const many = await Promise.all(Array.from({ length: 200 }, (_, i) => echo({ i })));
  const { text } = await echo({ text: 'large '.repeat(500_000) });

  let counted = 0;
  for await (const { number } of client.count({ to: 2_000, padding: PADDING })) {
    if (number === counted) counted++;
  }

  const summed = await new Promise((done, fail) => {
    const call = client.sum((error, answer) => (error ? fail(error) : done(answer)));
    (async () => {
      for (let number = 0; number < 2_000; number++) {
        if (!call.write({ number, padding: 'y'.repeat(PADDING) })) await once(call, 'drain');
      }
      call.end();
    })();
  });

  const talk = client.talk();
  const said = [];
  for (const say of ['one', 'two', 'three']) {
    talk.write({ say });
    said.push((await once(talk, 'data'))[0].heard);
  }
  talk.end();
  await once(talk.resume(), 'end');

  const forever = (name, options, onBegun) =>
    new Promise((done) => {
      const call = client.forever({ name }, options, (error) => done(error.code));
      call.on('metadata', () => onBegun(call));
    });
  // A deadline that comes before the server has begun would not concern it.
  let [late, hasBegun] = [undefined, false];
  for (let ms = 200; !hasBegun; ms *= 2) {
    late = await forever('late', { deadline: Date.now() + ms }, () => (hasBegun = true));
  }
  const stopped = await forever('stopped', {}, (call) => call.cancel());
  let cancelled = 0;
  while (cancelled < 2) ({ cancelled } = await echo({}));
  client.close();

  console.log(
    JSON.stringify({
      many: many.every(({ i }, at) => i === at) && many.length,
      text: text.length,
      counted,
      summed,
      said,
      late: grpc.status[late],
      stopped: grpc.status[stopped],
      cancelled,
    }),
  );
}

main();
