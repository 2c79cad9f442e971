/** The program of an RS's worker process; host-relay.ts starts it, and it ends when that does. */
import type { Socket } from 'node:dgram';
import type { DatagramPort } from '../core/runtime';
import { busyMeter, nodeClock, nodeTimers, sharedDatagramPort } from '../core/runtime-node';
import { RelayWorker } from './relay/relay-worker';
import type { FromWorker, ToWorker } from './relay/worker-messages';

const ports = new Map<4 | 6, DatagramPort>();

const worker = new RelayWorker({
  clock: nodeClock,
  timers: nodeTimers,
  busy: busyMeter(),
  transmit: (datagram, to) => ports.get(to.address.includes(':') ? 6 : 4)?.send(datagram, to),
  tell: (message: FromWorker, taken) => void process.send?.(message, undefined, undefined, taken),
});

// A terminal's and a service manager's signals go to every process; while the main one drains, this one is needed.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => {});
process.on('disconnect', () => process.exit());
process.on('message', (message: ToWorker, socket?: Socket) => {
  if (message.kind === 'read') read(socket!);
  else if (message.kind === 'rest') rest();
  else worker.hear(message);
});

function read(socket: Socket): void {
  const family = socket.address().family === 'IPv6' ? 6 : 4;
  const onDatagram = (...datagram: Parameters<RelayWorker['receive']>): void => worker.receive(...datagram);
  ports.set(family, sharedDatagramPort(socket, { family, onDatagram, onSendError: () => {} }));
}

/** What the kernel still has is for the others: they read the same sockets. */
function rest(): void {
  for (const port of ports.values()) port.close();
  ports.clear();
}
