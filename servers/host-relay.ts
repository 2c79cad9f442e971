/** An RS on its sockets, with the processes that help it to forward (relay/relay-crew.ts). */
import { fork, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:dgram';
import { join } from 'node:path';
import { busyMeter, nodeTimers } from '../core/runtime-node';
import type { Endpoint } from '../core/wire/addresses';
import { hostMachine, openServerSocket, type HostedMachine, type UdpServerSocket, type Watch } from './host';
import type { RelayCrew } from './relay/relay-crew';
import { RelayServer, type RelayServerOptions } from './relay/relay-server';
import type { FromWorker, ToWorker } from './relay/worker-messages';

const PROGRAM = join(__dirname, 'host-relay-worker.js');
/** After one has ended, so that one that cannot run costs little. */
const RESTART_MS = 1_000;
/** A worker has nothing to do when its channel closes but to end. */
const END_MS = 2_000;

export interface HostedRelay extends HostedMachine<RelayServer> {
  readonly crew: RelayCrew;
}

/** `workers`: how many processes forward, this one among them. */
export async function hostRelayServer(
  listen: readonly Endpoint[],
  workers: number,
  options: RelayServerOptions,
  { log, ...watch }: Watch & { log(message: string, more?: object): void },
): Promise<HostedRelay> {
  const hosted = await hostRelayMachine(listen, watch, () => options);
  const crew = hosted.machine.withCrew(busyMeter());
  const processes = new WorkerProcesses(crew, hosted.sockets, log);
  for (let i = 1; i < workers; i++) processes.start();
  return {
    ...{ ...hosted, crew },
    async close() {
      await processes.close();
      await hosted.close();
    },
  };
}

/** One process of an RS, with its sockets: those that nodes send to, and one beside each that only answers STUN. */
export async function hostRelayMachine(
  listen: Endpoint | readonly Endpoint[],
  watch: Watch,
  options: (local: Endpoint) => RelayServerOptions,
): Promise<HostedMachine<RelayServer>> {
  const others: UdpServerSocket[] = [];
  const close = async (): Promise<void> => void (await Promise.all(others.map((socket) => socket.close())));
  const transmitFromOtherPort = (datagram: Uint8Array, to: Endpoint): void =>
    others.find(({ local }) => local.address.includes(':') === to.address.includes(':'))?.send(datagram, to);
  const hosted = await hostMachine(
    listen,
    watch,
    (ports, local) => new RelayServer(options(local), { ...ports, transmitFromOtherPort }),
  );
  try {
    for (const { address } of 'address' in listen ? [listen] : listen) {
      others.push(await openServerSocket({ address, port: 0 }, () => {})); // nothing that is asked for comes there
    }
  } catch (error) {
    await Promise.all([hosted.close(), close()]);
    throw error;
  }
  return {
    ...hosted,
    async close() {
      await hosted.close();
      await close();
    },
  };
}

class WorkerProcesses {
  private readonly running = new Set<ChildProcess>();
  private closing = false;

  constructor(
    private readonly crew: RelayCrew,
    private readonly sockets: readonly Socket[],
    private readonly log: (message: string, more?: object) => void,
  ) {}

  start(): void {
    const child = fork(PROGRAM, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.running.add(child);
    const member = this.crew.join({
      tell: (message) => send(child, message),
      read: () => this.sockets.forEach((socket) => send(child, { kind: 'read' }, socket)),
      kill: () => void child.kill('SIGKILL'),
    });
    child.on('message', (message) => this.crew.heard(member, message as FromWorker));
    const ended = (how: object): void => {
      if (!this.running.delete(child) || this.closing) return;
      this.crew.left(member);
      this.log('a process of the relay server ended; its paths are with the others, and it is replaced', how);
      nodeTimers.schedule(RESTART_MS, () => this.closing || this.start());
    };
    child.on('exit', (code, signal) => ended({ pid: child.pid, code, signal }));
    child.on('error', (error) => child.pid === undefined && ended({ reason: error.message })); // or not sent: it has ended
  }

  async close(): Promise<void> {
    this.closing = true;
    await Promise.all([...this.running].map(stop));
  }
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    const patience = nodeTimers.schedule(END_MS, () => child.kill('SIGKILL'));
    child.on('exit', () => {
      patience.cancel();
      resolve();
    });
    if (child.connected) child.disconnect();
  });
}

/** What cannot be sent is not missed: its process has ended. */
function send(child: ChildProcess, message: ToWorker, socket?: Socket): void {
  if (child.connected) child.send(message, socket, () => {});
}
