// ssh2 against server.cjs: client.cjs HOST PORT ECHO-PORT. Commands side by side, megabytes each way, a forwarded port.
const { createHash, randomBytes } = require('node:crypto');
const { once } = require('node:events');
const { Readable } = require('node:stream');
const { promisify } = require('node:util');
const { Client } = require('ssh2');

const [host, port, echoPort] = process.argv.slice(2);
const login = { host, port: Number(port), username: 'guest', password: 'welcome', keepaliveInterval: 1000 };

async function connect(settings) {
  const client = new Client();
  let banner;
  client.on('banner', (text) => (banner = text));
  client.connect(settings);
  await once(client, 'ready');
  return { client, banner };
}

function run(client, command, input = []) {
  return new Promise((done, fail) => {
    client.exec(command, async (error, stream) => {
      if (error) return fail(error);
      const errors = [];
      stream.stderr.on('data', (chunk) => errors.push(chunk));
      const exit = once(stream, 'exit');
      Readable.from(input).pipe(stream);
      const output = [];
      for await (const chunk of stream) output.push(chunk);
      const [code] = await exit;
      done({ output: Buffer.concat(output), errors: Buffer.concat(errors).toString(), code });
    });
  });
}

async function main() {
  const wrong = await connect({ ...login, password: 'open up' }).catch(({ level }) => level);
  const { client, banner } = await connect(login);

  const said = await Promise.all(Array.from({ length: 8 }, (_, i) => run(client, `say ${i}`)));
  const input = Array.from({ length: 64 }, () => randomBytes(64 * 1024));
  const { output, code } = await run(client, 'cat', input);
  const sha256 = (chunks) => chunks.reduce((hash, chunk) => hash.update(chunk), createHash('sha256')).digest('hex');
  const unknown = await run(client, 'rm -rf /');

  const tunnel = await promisify(client.forwardOut.bind(client))('127.0.0.1', 0, '127.0.0.1', Number(echoPort));
  tunnel.end('through two tunnels');
  const forwarded = [];
  for await (const chunk of tunnel) forwarded.push(chunk);

  const others = await Promise.all(Array.from({ length: 3 }, () => connect(login)));
  const asked = await Promise.all(others.map(({ client }) => run(client, 'say hi')));
  for (const { client } of others) client.end();
  const closed = once(client, 'close');
  client.end();
  await closed;

  console.log(
    JSON.stringify({
      wrong,
      banner: banner.trim(),
      said: said.map(({ output }) => output.toString()).join(''),
      bytes: output.length,
      same: sha256(input) === sha256([output]),
      code,
      unknown: [unknown.code, unknown.errors],
      forwarded: Buffer.concat(forwarded).toString(),
      asked: asked.map(({ output }) => output.toString()),
    }),
  );
}

main();
