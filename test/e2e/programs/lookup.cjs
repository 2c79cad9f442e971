// An ordinary program: lookup.cjs NAME. Prints the addresses of each family, or the error, as one line of JSON.
const dns = require('node:dns');

const [name] = process.argv.slice(2);
const ask = (family) => dns.promises.lookup(name, { family }).then(({ address }) => address);

Promise.all([ask(4), ask(6)]).then(
  ([ipv4, ipv6]) => console.log(JSON.stringify({ ipv4, ipv6 })),
  (error) => console.log(JSON.stringify(described(error))),
);

function described({ code, syscall, hostname, cause }) {
  return { code, syscall, hostname, cause: cause?.code, reason: cause?.message };
}
