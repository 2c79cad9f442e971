// Asks udp-observer.cjs, from one socket, how what is in between maps and filters (RFC 5780, sections 4.3 and 4.4).
//   udp-prober.cjs ADDRESS ADDRESS [silence]
// A line of JSON: { mapped: ["ADDRESS:PORT", ...], otherPort, otherAddress, udp, tcp }. `silence`: it expects no answer.
// An answer that is not let in is told from one that is late by those that were asked for later, and came.
const { createSocket } = require('node:dgram');
const { connect } = require('node:net');

const PORTS = [3478, 3479];
const TCP_PORT = 443;
/** Asked for after what may not come, each after the answer to the one before. */
const LATER = 10;
/** Without an answer, until it is asked for again. */
const WAIT_MS = 500;
const [address, otherAddress, expected] = process.argv.slice(2);
const addresses = [address, otherAddress];
const TRIES = expected === 'silence' ? 1 : 20;
const socket = createSocket('udp4').bind(0);
const answers = new Map();
let asked = 0;

socket.on('message', (bytes) => {
  const { id, seen } = JSON.parse(bytes.toString());
  answers.get(id)(seen);
});

/** Resolves to what was seen of us, or to undefined. */
function ask([address, port]) {
  const id = ++asked;
  return new Promise((resolve) => {
    let tries = 0;
    const send = () => {
      if (tries++ === TRIES) return answered();
      socket.send(JSON.stringify({ id, from: [address, port] }), PORTS[port], addresses[address], () => {});
    };
    const answered = (seen) => {
      clearInterval(timer);
      resolve(seen);
    };
    const timer = setInterval(send, WAIT_MS);
    answers.set(id, answered);
    send();
  });
}

/** Whether an answer comes that is sent from elsewhere. */
async function letsIn(from) {
  let came = false;
  const id = ++asked;
  answers.set(id, () => (came = true));
  socket.send(JSON.stringify({ id, from }), PORTS[0], addresses[0], () => {});
  for (let i = 0; i < LATER; i++) await ask([0, 0]);
  return came;
}

function connects() {
  return new Promise((resolve) => {
    const tcp = connect(TCP_PORT, addresses[0], () => resolve(true));
    tcp.on('error', () => resolve(false));
    tcp.resume();
  });
}

async function main() {
  const first = await ask([0, 0]);
  const tcp = await connects();
  if (first === undefined) return console.log(JSON.stringify({ udp: false, tcp }));
  // Before anything is sent there: what was sent to lets in.
  const otherPort = await letsIn([0, 1]);
  const otherAddress = await letsIn([1, 0]);
  const mapped = [first, await ask([0, 1]), await ask([1, 0]), await ask([1, 1])];
  console.log(JSON.stringify({ udp: true, tcp, mapped, otherPort, otherAddress }));
}

main().finally(() => socket.close());
