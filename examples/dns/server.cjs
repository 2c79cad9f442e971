// A DNS server made with dns2, by UDP and TCP: server.cjs PORT PORT. Names under `example` have an address; `long.example`
// has forty texts, which do not fit into a datagram of 512 bytes.
const { createServer, Packet } = require('dns2');

const server = createServer({
  udp: true,
  tcp: true,
  handle(request, send, client) {
    const response = Packet.createResponseFromRequest(request);
    const [{ name, type }] = request.questions;
    const answer = (fields) => response.answers.push({ name, type, class: Packet.CLASS.IN, ttl: 60, ...fields });
    if (type === Packet.TYPE.TXT && name === 'long.example') {
      const byUdp = 'port' in client;
      if (byUdp) response.header.tc = 1;
      else for (let i = 0; i < 40; i++) answer({ data: `${i} `.repeat(40) });
    } else if (type === Packet.TYPE.A && name.endsWith('.example')) answer({ address: `192.0.2.${name.length}` });
    else response.header.rcode = 3;
    send(response);
  },
});
const [udp, tcp] = process.argv.slice(2).map(Number);
server.listen({ udp, tcp }).then(({ udp, tcp }) => console.log(`listening on ${udp.port} ${tcp.port}`));
process.on('SIGTERM', () => server.close());
