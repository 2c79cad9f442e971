/** Runs workloads through a movement, and says what came of them. */
import { randomInt } from 'node:crypto';
import type { Result } from '../nat-lab/scenario';
import { pathsOf, type PathKind } from '../nat-lab/dialling';
import { fqdnOf, type LabNode } from '../nat-lab/nat-lab';
import type { Program } from '../processes';
import { CORRESPONDENT, MOBILE } from './accesses';
import type { HandoverLab } from './handover-lab';
import type { MobileHost } from './mobile-host';
import type { Movement } from './movement';
import type { Told, Workload } from './workload';

export interface MovedResult extends Result {
  readonly moves: number;
  readonly longestGapMs: number | null;
  readonly lost: number | null;
  readonly doubled: number | null;
  readonly seconds: number;
}

export interface MoveOptions {
  readonly share?: number;
  readonly seed?: number;
}

interface Session {
  readonly workload: Workload;
  readonly from: LabNode;
  readonly to: LabNode;
  readonly server: Program;
  readonly client: Program;
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
  { share = 1, seed = randomInt(2 ** 32) }: MoveOptions,
  say: (line: string) => void,
): Promise<MovedResult[]> {
  const [mn, cn] = await Promise.all([lab.mobileHost('mn', MOBILE), lab.mobileHost('cn', CORRESPONDENT)]);
  settle(mn, movement.mn);
  settle(cn, movement.cn);
  const run = ++runs;
  const sessions = await Promise.all(workloads.map((workload) => begin(lab, mn, cn, workload, run)));
  try {
    const startedAt = performance.now();
    await Promise.all(
      sessions.map(({ client }) =>
        within(
          CONNECT_MS,
          client.line((line) => line === 'going'),
        ),
      ),
    );
    const moves = await movement.move({ mn, cn, share, seed, say });
    const told = await Promise.all(sessions.map(({ client }) => finish(client)));
    const seconds = (performance.now() - startedAt) / 1_000;
    return sessions.map((session, i) => {
      const kind = pathsOf(lab.trace(session.from), session.to).at(-1)?.kind;
      return judge(movement, session.workload, moves, told[i], kind, seconds);
    });
  } finally {
    await Promise.all(sessions.flatMap(({ server, client }) => [server.kill(), client.kill()]));
  }
}

/** The host is in these networks, and in no other. */
function settle(host: MobileHost, networks: readonly string[]): void {
  for (const name of host.names) {
    host.join(name);
    if (!networks.includes(name)) host.leave(name);
  }
}

async function begin(
  lab: HandoverLab,
  mn: MobileHost,
  cn: MobileHost,
  workload: Workload,
  run: number,
): Promise<Session> {
  const name = `${workload.name}-${run}`;
  const [from, to]: LabNode[] = [
    { account: 'dials', name },
    { account: 'hears', name },
  ];
  const server = lab.program(cn, to!, workload.serve);
  const listening = await within(
    CONNECT_MS,
    server.line((line) => line.startsWith('listening ')),
  );
  const client = lab.program(mn, from!, workload.dial(fqdnOf(to!), listening.split(' ')[1]!));
  return { workload, from: from!, to: to!, server, client };
}

/** Undefined: it did not, in time. */
async function finish(client: Program): Promise<Told | undefined> {
  client.terminate();
  try {
    return await within(FINISH_MS, client.json<Told>());
  } catch {
    return undefined;
  }
}

function judge(
  movement: Movement,
  workload: Workload,
  moves: number,
  told: Told | undefined,
  path: PathKind | undefined,
  seconds: number,
): MovedResult {
  const faults = told ? workload.faults(told) : ['it did not finish'];
  const { longestGapMs = null, lost = null, doubled = null, length } = told ?? {};
  const gap = longestGapMs === null ? '' : `nothing came for ${longestGapMs.toFixed(0)} ms at most`;
  const amount = length === undefined ? [] : [`${(length / 1e6).toFixed(0)} MB, checksum right`];
  const loss = lost ? [`${lost} lost`] : [];
  return {
    name: `${movement.name}:${workload.name}`,
    ok: faults.length === 0,
    path: path ?? 'none',
    firstByteMs: null,
    directMs: null,
    note: [...(faults.length > 0 ? faults : [...amount, ...loss]), gap].filter(Boolean).join('; '),
    ...{ moves, longestGapMs, lost, doubled, seconds },
  };
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
