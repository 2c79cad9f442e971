/** Programs that know nothing of us, for `node -e`: an HTTP server of lab-body's bytes, and its client. */

/** Arguments: the file of lab-body, a port or 0. Says `listening PORT`. */
export const LAB_SERVER = `
  const { bodyPart } = require(process.argv[1]);
  const { Readable } = require('node:stream');
  const server = require('node:http').createServer((request, answer) => {
    const length = Number(request.url.slice(1));
    let sent = 0;
    answer.setHeader('content-length', length);
    new Readable({
      read() {
        const part = bodyPart(sent, Math.min(65536, length - sent));
        sent += part.length;
        this.push(part.length > 0 ? part : null);
      },
    }).pipe(answer);
  });
  server.listen(Number(process.argv[2]), '::', () => console.log('listening ' + server.address().port));
`;

/** Argument: the URL. Says `begun` at the first byte, and at the end what lab-body's wholeBody says. */
export const LAB_CLIENT = `
  const hash = require('node:crypto').createHash('sha256');
  let length = 0;
  require('node:http').get(process.argv[1], (answer) => {
    answer.on('data', (bytes) => {
      if (length === 0) console.log('begun');
      length += bytes.length;
      hash.update(bytes);
    });
    answer.on('end', () => console.log('fetched ' + length + ' ' + hash.digest('hex')));
  });
`;

/** Argument: the URL. Says the bytes that it has, about twice a second, and for how many milliseconds it has run. */
export const LAB_METER = `
  let length = 0;
  require('node:http').get(process.argv[1], (answer) => answer.on('data', (bytes) => (length += bytes.length)));
  setInterval(() => console.log(length + ' ' + performance.now()), 500);
`;
