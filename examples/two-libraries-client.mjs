// One program, two HTTP libraries: asks a server with fetch and with axios, then downloads a blob and checks it.
//   node examples/two-libraries-client.mjs http://localhost:8080 [https://localhost:8443] [bytes]
// One line of JSON for each thing done.
import { createHash } from 'node:crypto';
import axios from 'axios';

const [httpBase, httpsBase, bytes = '100000000'] = process.argv.slice(2);
const bases = [httpBase, httpsBase].filter(Boolean);

function report(fact) {
  console.log(JSON.stringify(fact));
}

async function timed(act) {
  const startedAt = performance.now();
  const outcome = await act();
  return { ...outcome, ms: performance.now() - startedAt };
}

for (const base of bases) {
  const url = `${base}/hello`;
  const byFetch = await timed(async () => {
    const response = await fetch(url);
    return { status: response.status, body: await response.json() };
  });
  report({ did: 'get', with: 'fetch', url, ...byFetch });
  const byAxios = await timed(async () => {
    const { status, data } = await axios.get(url, { proxy: false });
    return { status, body: data };
  });
  report({ did: 'get', with: 'axios', url, ...byAxios });
}

const url = `${httpBase}/blob?bytes=${bytes}`;
const download = await timed(async () => {
  const response = await fetch(url);
  const hash = createHash('sha256');
  let received = 0;
  for await (const chunk of response.body) {
    received += chunk.length;
    hash.update(chunk);
  }
  return { status: response.status, received, sha256: hash.digest('hex') };
});
const expected = await (await fetch(`${httpBase}/blob/sha256?bytes=${bytes}`)).json();
report({ did: 'download', with: 'fetch', url, ...download, expectedSha256: expected.sha256 });
