/** Runs workloads through a movement, and says what came of them. */
import { randomInt } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from '../nat-lab/scenario';
import { joined, pathsOf, type PathKind } from '../nat-lab/dialling';
import { fqdnOf, type LabNode } from '../nat-lab/nat-lab';
import type { Program } from '../processes';
import { CORRESPONDENT, MOBILE } from './accesses';
import type { HandoverLab } from './handover-lab';
import { longestGapWithNetwork } from './gaps';
import type { MobileHost } from './mobile-host';
import type { Movement } from './movement';
import type { Told, Workload } from './workload';

export interface MovedResult extends Result {
  readonly moves: number;
  readonly longestGapMs: number | null;
  /** The same without the time in which a host had no network. */
  readonly longestGapWithNetworkMs: number | null;
  readonly lost: number | null;
  readonly doubled: number | null;
  readonly seconds: number;
}

export interface MoveOptions {
  readonly share?: number;
  readonly seed?: number | undefined;
  /** A directory for the traces of both ends and what the programs said. */
  readonly keep?: string | undefined;
}

interface Session {
  readonly workload: Workload;
  readonly from: LabNode;
  readonly to: LabNode;
  readonly server: Program;
  client: Program | undefined;
  /** The first byte has come back. */
  begun: Promise<void>;
}

/** To join, dial and hear the first byte. */
const CONNECT_MS = 30_000;
/** To finish what is under way after the last move. */
const FINISH_MS = 120_000;
let runs = 0;

/** All workloads at the same time, between the same two hosts. */
export async function runMovement(
  lab: HandoverLab,
  movement: Movement,
  workloads: readonly Workload[],
  { share = 1, seed = randomInt(2 ** 32), keep }: MoveOptions,
  say: (line: string) => void,
): Promise<MovedResult[]> {
  const [mn, cn] = await Promise.all([lab.mobileHost('mn', MOBILE), lab.mobileHost('cn', CORRESPONDENT)]);
  settle(mn, movement.mn);
  settle(cn, movement.cn);
  const run = ++runs;
  const sessions: Session[] = [];
  const startedAt = performance.now();
  const results = (moves: number, told: readonly (Told | string)[]): MovedResult[] =>
    sessions.map((session, i) => {
      const kind = pathsOf(lab.trace(session.from), session.to).at(-1)?.kind;
      const seconds = (performance.now() - startedAt) / 1_000;
      const withNetworkMs = longestGapWithNetwork(session.client?.lines ?? [], [mn.history, cn.history]);
      return judge(movement, session.workload, moves, told[i]!, kind, seconds, withNetworkMs);
    });
  try {
    // One after the other: so many programs that join at once take long on a small machine, and some would not wait.
    for (const workload of workloads) {
      const session = begin(lab, mn, cn, workload, run);
      sessions.push(session);
      await session.begun;
    }
    const moves = await movement.move({ mn, cn, share, seed, say });
    return results(moves, await Promise.all(sessions.map(({ client }) => finish(client!))));
  } catch (error) {
    return results(
      0,
      sessions.map(() => (error as Error).message),
    );
  } finally {
    if (keep) {
      for (const session of sessions) keepTraces(lab, session, keep);
      keepMoves([mn, cn], keep);
    }
    await Promise.all(
      sessions.flatMap(({ server, client }) => [server, ...(client ? [client] : [])]).map((program) => program.kill()),
    );
  }
}

/** The host is in these networks, and in no other. */
function settle(host: MobileHost, networks: readonly string[]): void {
  for (const name of host.names) {
    host.join(name);
    if (!networks.includes(name)) host.leave(name);
  }
}

function begin(lab: HandoverLab, mn: MobileHost, cn: MobileHost, workload: Workload, run: number): Session {
  const name = `${workload.name}-${run}`;
  const from: LabNode = { account: 'dials', name };
  const to: LabNode = { account: 'hears', name };
  const server = lab.program(cn, to, workload.serve);
  const session: Session = { workload, from, to, server, client: undefined, begun: Promise.resolve() };
  session.begun = (async () => {
    const listening = await within(
      CONNECT_MS,
      server.line((line) => line.startsWith('listening ')),
    );
    await joined(lab, to, server);
    const client = lab.program(mn, from, workload.dial(fqdnOf(to), listening.split(' ')[1]!));
    session.client = client;
    await within(
      CONNECT_MS,
      client.line((line) => line === 'going'),
    );
  })();
  return session;
}

function keepTraces(lab: HandoverLab, { from, to, server, client }: Session, dir: string): void {
  mkdirSync(dir, { recursive: true });
  for (const [node, program] of [
    [from, client],
    [to, server],
  ] as const) {
    const trace = lab.trace(node).map((line) => JSON.stringify(line));
    writeFileSync(join(dir, `${fqdnOf(node)}.ndjson`), [...trace, ''].join('\n'));
    if (program) writeFileSync(join(dir, `${fqdnOf(node)}.txt`), [...program.lines, program.errors].join('\n'));
  }
}

function keepMoves(hosts: readonly MobileHost[], dir: string): void {
  const history = hosts.flatMap((host) => host.history).sort((a, b) => a.t - b.t);
  writeFileSync(join(dir, 'moves.ndjson'), [...history.map((line) => JSON.stringify(line)), ''].join('\n'));
}

async function finish(client: Program): Promise<Told | string> {
  client.terminate();
  try {
    return await within(FINISH_MS, client.json<Told>());
  } catch (error) {
    return (error as Error).message;
  }
}

function judge(
  movement: Movement,
  workload: Workload,
  moves: number,
  outcome: Told | string,
  path: PathKind | undefined,
  seconds: number,
  withNetworkMs: number | undefined,
): MovedResult {
  const told = typeof outcome === 'string' ? undefined : outcome;
  const faults = told ? workload.faults(told) : [outcome as string];
  const { longestGapMs = null, lost = null, doubled = null, length } = told ?? {};
  const longestGapWithNetworkMs = withNetworkMs ?? longestGapMs;
  const gap = longestGapMs === null ? '' : gapText(longestGapMs, longestGapWithNetworkMs!);
  const amount = length === undefined ? [] : [`${(length / 1e6).toFixed(0)} MB, checksum right`];
  const loss = lost ? [`${lost} lost`] : [];
  return {
    name: `${movement.name}:${workload.name}`,
    ok: faults.length === 0,
    path: path ?? 'none',
    firstByteMs: null,
    directMs: null,
    note: [...(faults.length > 0 ? faults : [...amount, ...loss]), gap].filter(Boolean).join('; '),
    ...{ moves, longestGapMs, longestGapWithNetworkMs, lost, doubled, seconds },
  };
}

function gapText(longestMs: number, withNetworkMs: number): string {
  const beside = longestMs - withNetworkMs < 1 ? '' : `, ${withNetworkMs.toFixed(0)} ms beside outages`;
  return `nothing came for ${longestMs.toFixed(0)} ms at most${beside}`;
}

async function within<T>(limitMs: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, fail) => {
    timer = setTimeout(() => fail(new Error(`nothing within ${limitMs / 1_000} s`)), limitMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
