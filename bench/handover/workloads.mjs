/**
 * What flows through a connection while its hosts move, in numbered messages, so that what is lost, doubled or changed is
 * seen:
 *
 *   stream    the server sends 1 kB every 10 ms, and the client nothing
 *   exchange  the paper's: each sends the other 2 kB every 100 ms
 */
export const WORKLOADS = {
  stream: { bytes: 1_000, periodMs: 10, senders: ['server'] },
  exchange: { bytes: 2_000, periodMs: 100, senders: ['server', 'client'] },
};

const message = (bytes, number) => {
  const made = new Uint8Array(bytes).fill(number);
  new DataView(made.buffer).setUint32(0, number);
  return made;
};

/** Sends through a connection until it is over. */
export function send(connection, { bytes, periodMs }) {
  let number = 0;
  const timer = setInterval(() => connection.write(message(bytes, number++)), periodMs);
  return () => clearInterval(timer);
}

/** Takes what arrives on one connection, which begins with message 0. `onMessage` is told whether it is the right one. */
export function receiver({ bytes }, onMessage) {
  let number = 0;
  let held = new Uint8Array(0);
  return (chunk) => {
    const all = new Uint8Array(held.length + chunk.length);
    all.set(held);
    all.set(chunk, held.length);
    let at = 0;
    for (; all.length - at >= bytes; at += bytes) onMessage(isMessage(all.subarray(at, at + bytes), number++));
    held = all.slice(at);
  };
}

function isMessage(arrived, number) {
  const expected = message(arrived.length, number);
  return arrived.every((byte, i) => byte === expected[i]);
}
