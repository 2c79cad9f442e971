/**
 * What is measured, from both ends, over any transport (transports/*.mjs). Servers measure bytes, clients latencies.
 *
 *   bulk     `flows` connections send as fast as they can: MB/s at the receiver after the warm-up
 *   rr       one connection, 100 bytes there and back: round trips a second, microseconds each
 *   udp      datagrams of 1,200 bytes, as many as the receiver takes without loss: datagrams a second at the receiver
 *   connect  one connection after the other is opened and closed: connections a second
 *   idle     `connections` are opened, `active` of them send: memory for each, MB/s
 */
const WARM_UP_MS = 1_000;
const MESSAGE = 100;

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const ready = () => process.stdout.write('ready\n');

/** CPU in milliseconds of this process since `before`. */
function cpuMs(before) {
  const { user, system } = process.cpuUsage(before);
  return { userMs: user / 1e3, systemMs: system / 1e3 };
}

function percentile(sorted, share) {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

async function measureReceived(transport, seconds, prepare = () => {}) {
  let bytes = 0;
  let began;
  const first = new Promise((resolve) => (began = resolve));
  await transport.listen((connection) => {
    prepare(connection);
    connection.onData = (data) => {
      bytes += data.length;
      began();
    };
  });
  ready();
  await first;
  await pause(WARM_UP_MS);
  const before = { bytes, cpu: process.cpuUsage(), at: performance.now() };
  await pause(seconds * 1e3);
  const elapsedMs = performance.now() - before.at;
  return {
    megabytesPerSecond: (bytes - before.bytes) / 1e3 / elapsedMs,
    bytes: bytes - before.bytes,
    ...cpuMs(before.cpu),
  };
}

function sendForever(connection, chunk) {
  const pump = () => {
    while (connection.write(chunk));
  };
  connection.onDrain = pump;
  connection.onOpen = pump;
}

const bulk = {
  server: (transport, { seconds }) => measureReceived(transport, seconds),
  client: async (transport, { seconds, flows = 1, transport: name }) => {
    for (let i = 0; i < flows; i++) {
      const connection = transport.connect();
      if (name !== 'raw') sendForever(connection, Buffer.alloc(65_536));
    }
    await pause(WARM_UP_MS);
    const before = process.cpuUsage();
    await pause(seconds * 1e3);
    const used = cpuMs(before);
    await pause(500); // the server measures a little later
    return used;
  },
};

const echo = async (transport, { seconds }) => {
  await transport.listen((connection) => {
    connection.onData = (data) => void connection.write(Buffer.from(data));
  });
  ready();
  await pause((seconds + 3) * 1e3);
  return {};
};

const rr = {
  server: echo,
  client: async (transport, { seconds }) => {
    const connection = transport.connect();
    const request = Buffer.alloc(MESSAGE);
    const times = [];
    await new Promise((resolve) => {
      let sentAt = 0;
      let missing = MESSAGE;
      const send = () => {
        sentAt = performance.now();
        missing = MESSAGE;
        connection.write(request);
      };
      connection.onData = (data) => {
        missing -= data.length;
        if (missing > 0) return;
        times.push((performance.now() - sentAt) * 1e3);
        if (performance.now() < endAt) send();
        else resolve();
      };
      connection.onOpen = send;
      const endAt = performance.now() + WARM_UP_MS + seconds * 1e3;
    });
    const warm = times.slice(Math.floor(times.length / 5)).sort((a, b) => a - b);
    const sum = warm.reduce((a, b) => a + b, 0);
    return {
      perSecond: (warm.length / sum) * 1e6,
      p50us: percentile(warm, 0.5),
      p99us: percentile(warm, 0.99),
    };
  },
};

const connect = {
  server: async (transport, { seconds }) => {
    await transport.listen((connection) => {
      connection.onData = (data) => {
        connection.write(Buffer.from(data));
        connection.end();
      };
    });
    ready();
    await pause((seconds + 3) * 1e3);
    return {};
  },
  client: async (transport, { seconds }) => {
    const endAt = performance.now() + seconds * 1e3;
    let count = 0;
    const startedAt = performance.now();
    while (performance.now() < endAt) {
      await new Promise((resolve) => {
        const connection = transport.connect();
        connection.onOpen = () => connection.write(Buffer.alloc(1));
        connection.onData = () => {
          connection.end();
          count++;
          resolve();
        };
      });
    }
    return { perSecond: (count / (performance.now() - startedAt)) * 1e3 };
  },
};

const DATAGRAM = 1_200;
/** The receiver answers each so many, and at most so many are out: no more than its socket's buffer holds. */
const ANSWER_EVERY = 32;
const DATAGRAMS_OUT = 512;

const udp = {
  server: async (transport, { seconds }) => {
    let received = 0;
    let began;
    const first = new Promise((resolve) => (began = resolve));
    await transport.datagrams((bytes, answer) => {
      began();
      if (++received % ANSWER_EVERY === 0) answer(bytes.subarray(0, 4));
    });
    ready();
    await first;
    await pause(WARM_UP_MS);
    const before = { received, at: performance.now() };
    await pause(seconds * 1e3);
    return { perSecond: (received - before.received) / ((performance.now() - before.at) / 1e3) };
  },
  client: async (transport, { seconds }) => {
    const message = Buffer.alloc(DATAGRAM);
    let out = 0;
    let answers = 0;
    const pump = () => {
      for (; out < DATAGRAMS_OUT; out++) socket.send(message);
    };
    const socket = await transport.datagrams(() => {
      answers++;
      out = Math.max(0, out - ANSWER_EVERY);
      pump();
    });
    pump();
    let seen = 0;
    const lost = setInterval(() => {
      if (answers === seen) out = 0; // nothing came for a while: what was out is lost, so that it does not end here
      seen = answers;
      pump();
    }, 200);
    await pause(WARM_UP_MS + (seconds + 1) * 1e3);
    clearInterval(lost);
    return {};
  },
};

const idle = {
  server: async (transport, { seconds, connections }) => {
    globalThis.gc();
    const before = process.memoryUsage();
    let count = 0;
    const result = await measureReceived(transport, seconds, () => count++);
    return { ...result, connections: count, ...memoryOf(before, connections) };
  },
  client: async (transport, { seconds, connections, active }) => {
    globalThis.gc();
    const before = process.memoryUsage();
    const startedAt = performance.now();
    const opened = [];
    for (let i = 0; i < connections; i++) {
      const connection = transport.connect();
      opened.push(new Promise((resolve) => (connection.onOpen = () => resolve(connection))));
      if (i % 100 === 99) await Promise.all(opened);
    }
    const all = await Promise.all(opened);
    const setUpMs = performance.now() - startedAt;
    const memory = memoryOf(before, connections);
    const chunk = Buffer.alloc(16_384);
    for (const connection of all.slice(0, active)) {
      const pump = () => {
        while (connection.write(chunk));
      };
      connection.onDrain = pump;
      pump();
    }
    await pause(WARM_UP_MS + seconds * 1e3 + 500);
    return { setUpMs, ...memory };
  },
};

function memoryOf(before, connections) {
  globalThis.gc();
  const now = process.memoryUsage();
  return { bytesPerConnection: (now.rss - before.rss) / connections };
}

export const workloads = { bulk, rr, udp, connect, idle };
