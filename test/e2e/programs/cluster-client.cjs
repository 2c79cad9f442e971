/**
 * cluster-client.cjs HOST PORT: two keep-alive connections to a server of two workers, each with a body of 5 MB both
 * ways and then a small request. Prints what it found. When one of the connections is closed, asks again by both.
 */
const { createHash, randomBytes } = require('node:crypto');
const http = require('node:http');

const [host, port] = process.argv.slice(2);
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** A connection of its own. */
class Client {
  agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  ports = new Set();
  closed = new Promise((done) => (this.onClose = done));

  request(method, body = Buffer.alloc(0)) {
    return new Promise((done, fail) => {
      const request = http.request({ host, port, method, agent: this.agent }, async (response) => {
        const chunks = [];
        for await (const chunk of response) chunks.push(chunk);
        const { pid, sent, hash, ...seen } = JSON.parse(response.headers.seen);
        const intact = sent === sha256(body) && hash === sha256(Buffer.concat(chunks));
        done({ pid, intact, seen });
      });
      request.on('socket', (socket) => {
        if (!socket.connecting) return; // used again
        socket.once('connect', () => this.ports.add(socket.localPort));
        socket.once('close', () => this.onClose());
      });
      request.on('error', fail);
      request.end(body);
    });
  }
}

const clients = [new Client(), new Client()];

async function main() {
  const first = await Promise.all(clients.map((client) => client.request('POST', randomBytes(5e6))));
  const then = await Promise.all(clients.map((client) => client.request('GET')));
  const { seen } = first[0];
  console.log(
    JSON.stringify({
      pids: first.map(({ pid }) => pid),
      intact: [...first, ...then].every(({ intact }) => intact),
      sameWorker: then.every(({ pid }, i) => pid === first[i].pid),
      connections: clients.map(({ ports }) => ports.size),
      ownPort: clients[0].ports.has(seen.remotePort),
      seen,
    }),
  );
  await Promise.race(clients.map(({ closed }) => closed));
  const last = await Promise.all(clients.map((client) => client.request('GET')));
  console.log(
    JSON.stringify({ pids: last.map(({ pid }) => pid), connections: clients.map(({ ports }) => ports.size) }),
  );
}

const keptAlive = setInterval(() => {}, 1e6); // idle connections of an agent do not hold a process
main().finally(() => {
  clearInterval(keptAlive);
  clients.forEach(({ agent }) => agent.destroy());
});
