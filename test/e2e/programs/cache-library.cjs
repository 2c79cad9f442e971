// The library's cache: `put FQDN TEXT...` stores each and ends; `read N` takes N items and ends.
const { login } = require('ntmobile');

async function main([what, ...rest]) {
  const node = await login();
  if (what === 'put') {
    const [fqdn, ...texts] = rest;
    for (const text of texts)
      console.log(JSON.stringify(await node.cache.put(fqdn, text, { ttlMs: 3_600_000, name: text })));
  } else {
    let left = Number(rest[0]);
    for await (const { from, name, bytes, taken } of node.cache) {
      console.log(JSON.stringify({ from, name, text: Buffer.from(bytes).toString() }));
      await taken();
      if (--left === 0) break;
    }
  }
  node.close();
}

main(process.argv.slice(2));
