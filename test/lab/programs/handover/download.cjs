// download.cjs serve PORT BYTES-PER-SECOND: an endless body by HTTP. download.cjs dial HOST PORT BYTES: reads so much
// of it at least, and until the movement is over, and tells its SHA-256.
const { createHash } = require('node:crypto');
const http = require('node:http');
const { Readable } = require('node:stream');
const { setTimeout: sleep } = require('node:timers/promises');
const { tell, Watch, whenOver } = require('./told.cjs');
const [role, ...rest] = process.argv.slice(2);
const CHUNK = 65_536;

/** The endless body of lab-body.ts. */
function bodyPart(offset) {
  const bytes = Buffer.allocUnsafe(CHUNK);
  for (let i = 0; i < CHUNK; i += 4) bytes.writeUInt32LE(Math.imul(offset + i, 2_654_435_761) >>> 0, i);
  return bytes;
}

async function* body(bytesPerSecond) {
  const startedMs = performance.now();
  for (let sent = 0; ; sent += CHUNK) {
    const aheadMs = (sent / bytesPerSecond) * 1_000 - (performance.now() - startedMs);
    if (aheadMs > 20) await sleep(aheadMs);
    yield bodyPart(sent);
  }
}

function serve(port, bytesPerSecond) {
  const server = http.createServer((request, answer) => Readable.from(body(Number(bytesPerSecond))).pipe(answer));
  server.listen(Number(port), '::', () => console.log(`listening ${server.address().port}`));
  void whenOver.then(() => process.exit());
}

function dial(host, port, least) {
  const watch = new Watch();
  const hash = createHash('sha256');
  const startedMs = performance.now();
  let [length, over, finished] = [0, false, false];
  void whenOver.then(() => (over = true));
  const finish = (broken) => {
    if (finished) return;
    finished = true;
    request.destroy();
    const seconds = (performance.now() - startedMs) / 1_000;
    tell({
      longestGapMs: watch.longestGapMs,
      lost: 0,
      doubled: 0,
      broken,
      length,
      sha256: hash.digest('hex'),
      seconds,
    });
  };
  const request = http.get({ host, port: Number(port), agent: false }, (answer) => {
    answer.on('data', (bytes) => {
      if (finished) return;
      watch.heard();
      length += bytes.length;
      hash.update(bytes);
      if (over && length >= Number(least)) finish(null);
    });
    answer.on('aborted', () => finish('aborted'));
    answer.on('end', () => finish('ended'));
  });
  request.on('error', (error) => finish(error.code ?? error.message));
}

if (role === 'serve') serve(...rest);
else dial(...rest);
