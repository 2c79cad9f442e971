// An ES module, with named and namespace imports: get-esm.mjs URL.
import * as dns from 'node:dns';
import { get } from 'node:http';

const [url] = process.argv.slice(2);
get(url, { lookup: dns.lookup }, async (response) => {
  let body = '';
  for await (const chunk of response) body += chunk;
  console.log(body);
});
