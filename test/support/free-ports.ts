import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below those that a system gives to who asks for any: nobody's socket is on one of them by chance a moment later. */
const FIRST = 20_000;
const COUNT = 12_000;

/** Free for UDP and TCP a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(
    Array.from({ length: count }, async () => {
      for (;;) {
        const port = FIRST + randomInt(COUNT);
        const tcp = createServer();
        const udp = createSocket('udp4');
        try {
          await once(tcp.listen(port, '127.0.0.1'), 'listening');
          await once(udp.bind(port, '127.0.0.1'), 'listening');
          return { port, tcp, udp };
        } catch {
          udp.close();
          tcp.close();
        }
      }
    }),
  );
  for (const { tcp, udp } of held) {
    udp.close();
    tcp.close();
  }
  return held.map(({ port }) => port);
}

/** One, for a server that cannot be told to take any and say which. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port!;
}
