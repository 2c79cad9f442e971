// Against server.cjs: client.cjs wss://HOST:PORT. Echoes with back-pressure, a broadcast, pings, both ways to end.
const { createHash, randomBytes } = require('node:crypto');
const { once } = require('node:events');
const { createWebSocketStream, WebSocket } = require('ws');

const [url] = process.argv.slice(2);
const MESSAGE = 64 * 1024;
const MESSAGES = 128;

async function open() {
  const socket = new WebSocket(url);
  const [greeting] = await once(socket, 'message');
  return { socket, greeting: greeting.toString() };
}

async function main() {
  const { socket, greeting } = await open();

  const stream = createWebSocketStream(socket, { readableObjectMode: false });
  const [sent, echoed] = [createHash('sha256'), createHash('sha256')];
  const received = (async () => {
    let bytes = 0;
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
      echoed.update(chunk);
      if ((bytes += chunk.length) === MESSAGE * MESSAGES) return bytes;
    }
  })();
  let waited = 0;
  for (let i = 0; i < MESSAGES; i++) {
    const message = randomBytes(MESSAGE);
    sent.update(message);
    if (!stream.write(message)) {
      waited++;
      await once(stream, 'drain');
    }
  }
  const bytes = await received;
  socket.ping('are you there');
  const [pong] = await once(socket, 'pong');

  const others = await Promise.all(Array.from({ length: 20 }, open));
  const heard = others.map(({ socket }) => once(socket, 'message'));
  others[0].socket.send('all: hello');
  const broadcast = new Set((await Promise.all(heard)).map(([message]) => message.toString()));
  for (const { socket } of others) socket.close();
  await Promise.all(others.map(({ socket }) => once(socket, 'close')));

  const [first, second] = [await open(), await open()];
  first.socket.send('close me');
  const [code, reason] = await once(first.socket, 'close');
  second.socket.send('drop me');
  const [dropped] = await once(second.socket, 'close');
  const again = await open();
  again.socket.close();

  stream.destroy();
  console.log(
    JSON.stringify({
      greeting,
      bytes,
      same: sent.digest('hex') === echoed.digest('hex'),
      waited: waited > 0,
      pong: pong.toString(),
      broadcast: [...broadcast],
      closed: [code, reason.toString()],
      dropped,
      again: again.greeting,
    }),
  );
}

main();
