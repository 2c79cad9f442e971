import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';

/** Free for UDP and TCP a moment ago. */
export async function freePorts(count: number): Promise<number[]> {
  const held = await Promise.all(
    Array.from({ length: count }, async () => {
      for (;;) {
        const tcp = createServer().listen(0, '127.0.0.1');
        await once(tcp, 'listening');
        const { port } = tcp.address() as AddressInfo;
        const udp = createSocket('udp4');
        try {
          udp.bind(port, '127.0.0.1');
          await once(udp, 'listening');
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
