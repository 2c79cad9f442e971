// An ordinary program: all-queries.cjs NAME MISSING HOST. Asks for all three in every way that Node has; one JSON line.
const dns = require('node:dns');
const os = require('node:os');

const [name, missing, host] = process.argv.slice(2);
const types = ['A', 'AAAA', 'ANY', 'CAA', 'CNAME', 'MX', 'NAPTR', 'NS', 'PTR', 'SOA', 'SRV', 'TXT'];
const seen = (promise) => promise.catch((error) => error.code);

async function main() {
  const { address } = await dns.promises.lookup(name);
  const ipv6 = (await dns.promises.lookup(name, 6)).address;
  const said = { address, ipv6, known: {}, missing: {}, host: await seen(dns.promises.lookup(host)) };
  for (const type of types) {
    said.known[type] = await seen(dns.promises.resolve(name, type));
    said.missing[type] = await seen(new dns.promises.Resolver().resolve(missing, type));
  }
  said.reverse = await seen(dns.promises.reverse(address));
  said.reverse6 = await seen(dns.promises.reverse(ipv6));
  said.service = (await dns.promises.lookupService(address, 80)).hostname;
  said.nobody = await seen(dns.promises.reverse(address.replace(/\d+$/, '253')));
  said.missingLookup = await seen(dns.promises.lookup(missing));
  said.connect = await seen(
    new Promise((done, fail) => require('node:net').connect(9, missing).on('connect', done).on('error', fail)),
  );
  said.interface = os.networkInterfaces().ntm0?.map(({ cidr, internal }) => ({ cidr, internal }));
  console.log(JSON.stringify(said));
}
main();
