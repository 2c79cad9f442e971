// Opens connections by the thousand, to a server of its own kind, and says what is left of them at either end.
//   node --expose-gc many-connections.cjs               the server: `listening on PORT`
//   node --expose-gc many-connections.cjs HOST PORT N   the client: one line of JSON after N and after 2 N connections
const net = require('node:net');
const { setImmediate } = require('node:timers/promises');

const AT_ONCE = 100;
const [host, port, count] = process.argv.slice(2);

/** Bytes of the JavaScript heap, and what keeps the process alive, when all garbage is collected. */
async function whatIsLeft() {
  for (let i = 0; i < 3; i++) {
    await setImmediate();
    global.gc();
  }
  return { heap: process.memoryUsage().heapUsed, resources: resources() };
}

const resources = () =>
  process
    .getActiveResourcesInfo()
    .filter((name) => name !== 'Immediate') // of this very question
    .sort();

function serve() {
  const server = net.createServer((socket) => {
    socket.once('data', async (asked) => {
      socket.end(String(asked) === 'left?' ? JSON.stringify(await whatIsLeft()) : asked);
    });
    socket.on('error', () => {});
  });
  process.once('SIGTERM', () => server.close());
  server.listen(0, () => console.log(`listening on ${server.address().port}`));
}

function ask(text) {
  return new Promise((answered, failed) => {
    let answer = '';
    const socket = net.connect({ host, port: Number(port) }, () => socket.write(text));
    socket.on('data', (bytes) => (answer += bytes));
    socket.on('error', failed);
    socket.on('close', () => answered(answer));
  });
}

async function connectManyTimes() {
  let begun = 0;
  const worker = async () => {
    while (begun < Number(count)) {
      const text = `connection ${++begun}`;
      if ((await ask(text)) !== text) throw new Error('not what was sent');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

async function client() {
  console.log('begun'); // standard output is one of the resources from here on
  for (const round of [1, 2]) {
    await connectManyTimes();
    const server = JSON.parse(await ask('left?'));
    console.log(JSON.stringify({ round, server, client: await whatIsLeft() }));
  }
}

if (host === undefined) serve();
else client();
