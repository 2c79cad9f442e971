/**
 * What Linux says of its links, addresses and routes, when it says it (netlink), by way of iproute2: Node has no netlink
 * socket. Loaded when a node opens its sockets.
 *
 * The program never notices: the child and its pipes do not keep it alive, other children do not get them, and it is
 * given none of the program's environment. Nor does the child stay behind: its shell waits for the end of its standard
 * input, which the system closes when this process is over, in whatever way that ends, and ends `ip` then. When `ip` ends
 * by itself its output does, for the shell has closed its own copy.
 */
import type { ChildProcess } from 'node:child_process';
import { closeSync, openSync, readSync } from 'node:fs';
import { backOff } from './back-off';
import { defaultRoutes4, defaultRoutes6 } from './handover/default-routes';
import { Lines, networkChangeIn } from './handover/ip-monitor';
import type { NetworkChange, NetworkWatch, Timer, Timers } from './runtime';

/** In the background, a shell without job control gives `ip` no standard input. */
const SCRIPT = 'ip -oneline monitor label link address route rule & exec >&-; read -r _; kill $!; wait $!';
const SYSTEM_PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
/** At once again after what had worked, else 2, 4, 8 and 16 s later. */
const RESTART_MS = { first: 1_000, limit: 16_000 };
/** Nothing tells when `ip` has begun to listen; what happens before it has is told by nobody. */
const BEGINS_MS = 1_000;
/** What ended sooner than this did not work; so often, and it never will. */
const WORKING_MS = 10_000;
const FAILURES_LIMIT = 5;

/** Bytes of a routing table that are looked at: default routes come first. */
const TABLE_LIMIT_BYTES = 64 << 10;

/** The default routes of both IP versions, from Linux's procfs (proc_pid_net(5)). */
export function defaultRoutes(): string {
  return [...defaultRoutes4(beginningOf('/proc/net/route')), ...defaultRoutes6(beginningOf('/proc/net/ipv6_route'))]
    .sort()
    .join(', ');
}

/** undefined: this system does not tell. */
export function watchNetwork(options: NetworkEventsOptions): NetworkWatch | undefined {
  return process.platform === 'linux' ? new NetworkEvents(options) : undefined;
}

function beginningOf(file: string): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const bytes = Buffer.allocUnsafe(TABLE_LIMIT_BYTES);
    return bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, TABLE_LIMIT_BYTES, 0));
  } catch {
    return '';
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

export interface NetworkEventsOptions {
  readonly timers: Timers;
  now(): number;
  onChange(change: NetworkChange): void;
  /** Whether events can be relied on from now on. */
  onState(isWatching: boolean): void;
}

class NetworkEvents implements NetworkWatch {
  private child: ChildProcess | undefined;
  private timer: Timer | undefined;
  private startedMs = 0;
  private failures = 0;
  private closed = false;

  constructor(private readonly options: NetworkEventsOptions) {
    this.start();
  }

  close(): void {
    this.closed = true;
    this.timer?.cancel();
    this.end();
  }

  private start(): void {
    this.startedMs = this.options.now();
    let child: ChildProcess;
    try {
      // eslint-disable-next-line @typescript-eslint/no-require-imports
      const { spawn } = require('node:child_process') as typeof import('node:child_process');
      child = spawn('sh', ['-c', SCRIPT], {
        ...{ cwd: '/', stdio: ['pipe', 'pipe', 'ignore'] },
        env: { PATH: `${process.env['PATH'] ?? ''}:${SYSTEM_PATH}`, LC_ALL: 'C' },
      });
    } catch {
      return; // Node may be told to start no processes
    }
    this.child = child;
    const lines = new Lines((line) => {
      const change = this.child === child ? networkChangeIn(line) : undefined;
      if (change) this.options.onChange(change);
    });
    const ended = (): void => this.ended(child);
    child.unref();
    for (const stream of [child.stdin, child.stdout]) {
      (stream as Partial<Pick<ChildProcess, 'unref'>> | null)?.unref?.();
      stream?.on('error', ended);
    }
    child.stdout?.setEncoding('latin1').on('data', (text: string) => lines.add(text));
    child.stdout?.on('end', ended);
    child.on('error', ended);
    child.on('exit', ended);
    this.timer = this.options.timers.schedule(BEGINS_MS, () => this.options.onState(true));
  }

  private ended(child: ChildProcess): void {
    if (this.child !== child) return;
    this.end();
    if (this.closed) return;
    this.timer?.cancel();
    const { timers, now, onState } = this.options;
    onState(false);
    this.failures = now() - this.startedMs < WORKING_MS ? this.failures + 1 : 0;
    if (this.failures >= FAILURES_LIMIT) return;
    const delayMs = backOff(RESTART_MS, this.failures);
    this.timer = timers.schedule(delayMs, () => this.start());
  }

  private end(): void {
    const { child } = this;
    this.child = undefined;
    child?.stdin?.destroy();
    child?.stdout?.destroy();
  }
}
