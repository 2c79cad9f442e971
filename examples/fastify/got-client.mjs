// got against server.mjs: got-client.mjs URL. Over HTTP/2 and HTTP/1.1, with retries, a large body, a stream.
import { createInterface } from 'node:readline';
import got from 'got';

const [url] = process.argv.slice(2);
const numbers = Array.from({ length: 500_000 }, (_, i) => i);

for (const http2 of [true, false]) {
  const client = got.extend({ prefixUrl: url, http2, retry: { limit: 3, backoffLimit: 10 } });
  const { sum } = await client.post('sum', { json: { numbers } }).json();
  const { statusCode } = await client.post('sum', { json: {}, throwHttpErrors: false });
  const flaky = await client.get('flaky');
  let lines = 0;
  for await (const line of createInterface({ input: client.stream('lines?count=100000') })) {
    if (JSON.parse(line).line === lines) lines++;
  }
  const { ok } = JSON.parse(flaky.body);
  console.log(JSON.stringify({ sum, refused: statusCode, lines, version: ok, retries: flaky.retryCount }));
}
process.exit(); // got keeps the HTTP/2 session for a while
