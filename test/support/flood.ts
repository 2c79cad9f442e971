/** Short frames of no path to a port of this host. */
import { createSocket } from 'node:dgram';
import { isMainThread, Worker, workerData } from 'node:worker_threads';
import { RELAY_MAGIC } from '../../core/wire/relay-frame';

/** One alone is slower than an RS, and slower still where others want the processor: the RS would have time left. */
const SENDERS = 3;
const BURST = 64;
const FRAME = Uint8Array.of(RELAY_MAGIC, 1);

/** As fast as they come, so that whoever reads them is never done. */
export function startFlood(port: number): { stop(): Promise<void> } {
  const senders = Array.from({ length: SENDERS }, () => new Worker(__filename, { workerData: port }));
  return { stop: async () => void (await Promise.all(senders.map((sender) => sender.terminate()))) };
}

function flood(port: number): void {
  const socket = createSocket('udp4').bind(0, '127.0.0.1', send);
  function send(): void {
    for (let i = 0; i < BURST; i++) socket.send(FRAME, port, '127.0.0.1');
    setImmediate(send);
  }
}

if (!isMainThread) flood(workerData as number);
