// An ordinary client that asks every 250 ms until SIGTERM, each time over a new connection: ask-forever.cjs HOW,URL...
// HOW is fetch, http, net, lookup or dgram. Prints each outcome: `HOW HOST: ` and what came of it, or the codes of the
// error and its causes, the syscall and the name in the error, and the message of the last cause.
const dgram = require('node:dgram');
const dns = require('node:dns');
const http = require('node:http');
const net = require('node:net');

const INTERVAL_MS = 250;
const questions = process.argv.slice(2);
let stopped = false;
process.on('SIGTERM', () => (stopped = true));

const ways = {
  fetch: async (url) => `status ${(await fetch(url, { headers: { connection: 'close' } })).status}`,
  http: (url) =>
    new Promise((resolve, reject) => {
      const request = http.get(url, { agent: false }, (response) => {
        response.resume();
        response.on('end', () => resolve(`status ${response.statusCode}`));
      });
      request.on('error', reject);
    }),
  net: ({ hostname, port }) =>
    new Promise((resolve, reject) => {
      const socket = net.connect(Number(port), hostname, () => {
        socket.destroy();
        resolve('connected');
      });
      socket.on('error', reject);
    }),
  lookup: async ({ hostname }) => `found ${(await dns.promises.lookup(hostname)).address}`,
  dgram: ({ hostname, port }) =>
    new Promise((resolve, reject) => {
      const socket = dgram.createSocket('udp4');
      socket.send('hello', Number(port), hostname, (error) => {
        socket.close();
        if (error) reject(error);
        else resolve('sent');
      });
    }),
};

function described(error) {
  const chain = [];
  for (let each = error; each; each = each.cause) chain.push(each);
  const codes = chain.map(({ code, message }) => code ?? message).join(' < ');
  const { syscall, hostname } = chain.find((each) => each.syscall) ?? {};
  const cause = chain.find(({ name }) => name === 'NtmError');
  return `${codes} (${syscall} ${hostname}) ${cause?.message}`;
}

for (const question of questions) {
  const [how, address] = question.split(',');
  const url = new URL(address);
  void forever(how, url, `${how} ${url.hostname.split('.')[0]}:`);
}

async function forever(how, url, label) {
  while (!stopped) {
    const said = await ways[how](url).catch(described);
    console.log(`${label} ${said}`);
    await new Promise((resolve) => setTimeout(resolve, INTERVAL_MS));
  }
}
