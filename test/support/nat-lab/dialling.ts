/** One node dials another by name, with ordinary programs, and is observed: does it connect, how fast, by which path? */
import type { Program } from '../processes';
import { hasJoined, type TraceLine } from '../trace-watch';
import { fqdnOf, labProgram, type At, type LabNode, type NatLab } from './nat-lab';

export type PathKind = 'direct' | 'relay';

export interface Outcome {
  /** Bytes have come back. */
  readonly connected: boolean;
  readonly firstPath: PathKind | undefined;
  readonly lastPath: PathKind | undefined;
  /** From the dialling to the first byte that came back, by the program's own clock. The node has joined before. */
  readonly firstByteMs: number | undefined;
  /** From the dialling to the tunnel's first direct path. */
  readonly directMs: number | undefined;
  /** The longest time in which nothing came back. */
  readonly silentMs: number | undefined;
  /** Undefined: all that was sent came back, whole and in order. */
  readonly fault: string | undefined;
}

export interface ObserveOptions {
  /** For so long at most after the first byte, ended early when the path is direct. */
  readonly observeMs: number;
}

export interface DialOptions extends ObserveOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** The program says one thing only. */
  readonly once?: boolean;
  /** When the first byte has come. What is sent must come back afterwards, too. */
  disturb?(): Promise<void>;
}

export const ECHO_PORT = 7_000;
/** To join and connect: nobody waits so long. */
const CONNECT_MS = 60_000;
/** A direct path is watched for so long, to see that it lasts and carries. */
const SETTLE_MS = 200;
const LOOK_EVERY_MS = 50;
/** `goes on` of echo-client.cjs. */
const TIMES_GOING_ON = 4;
/** Trace events of a node that say which way its tunnel to `peer` goes from now on. */
const TELLS_PATH = new Set<unknown>(['established', 'roamed', 'path']);

/** At a place, an echo server that runs until the lab is closed. Resolves once it can be dialled, or could not join. */
export async function listenAt(lab: NatLab, at: At, name = at.place.name, delayMs = 0): Promise<LabNode> {
  const node: LabNode = { account: 'hears', name };
  const server = lab.program(at, node, [labProgram('echo-server.cjs'), `${ECHO_PORT}`, `${delayMs}`]);
  await joined(lab, node, server);
  return node;
}

/** Its program can be dialled, or did not join in time, or has ended. */
export async function joined(lab: NatLab, node: LabNode, program: Program): Promise<void> {
  await until(program, CONNECT_MS, () => hasJoined(lab.trace(node), program));
}

/** `name`: of the node that dials, its own in the whole lab. */
export async function dial(
  lab: NatLab,
  at: At,
  name: string,
  to: LabNode,
  { observeMs, env = {}, once = false, disturb }: DialOptions,
): Promise<Outcome> {
  const node: LabNode = { account: 'dials', name };
  const args = [labProgram('echo-client.cjs'), fqdnOf(node), fqdnOf(to), `${ECHO_PORT}`, ...(once ? ['once'] : [])];
  const client = lab.program(at, node, args, env);
  const goesDirect = (): boolean => pathsOf(lab.trace(node), to).at(-1)?.kind === 'direct';
  await until(client, CONNECT_MS, () => said(client, 'answered') !== undefined);
  if (said(client, 'answered') !== undefined) {
    await until(client, observeMs, goesDirect);
    if (goesDirect()) await until(client, SETTLE_MS, () => false);
    if (disturb) await goOnAfter(client, disturb);
  }
  client.terminate();
  await until(client, CONNECT_MS, () => false);
  if (!client.end) await client.kill();
  return outcomeOf(client, lab.trace(node), to);
}

async function goOnAfter(client: Program, disturb: () => Promise<void>): Promise<void> {
  await disturb();
  const wanted = client.lines.length + TIMES_GOING_ON;
  await until(client, CONNECT_MS, () => client.lines.length >= wanted);
}

function outcomeOf(client: Program, trace: readonly TraceLine[], to: LabNode): Outcome {
  const firstByteMs = numberOf(said(client, 'answered'));
  const dialledAt = numberOf(said(client, 'dialling')) ?? NaN;
  const paths = pathsOf(trace, to);
  const direct = paths.find(({ kind }) => kind === 'direct');
  return {
    connected: firstByteMs !== undefined,
    firstPath: paths[0]?.kind,
    lastPath: lastPath(trace, to) ?? paths.at(-1)?.kind,
    firstByteMs,
    directMs: direct && Math.max(0, direct.t - dialledAt),
    silentMs: numberOf(said(client, 'silent')),
    fault: faultOf(client),
  };
}

function faultOf(client: Program): string | undefined {
  const failed = said(client, 'failed');
  if (failed !== undefined) return failed.trim();
  const [, back, sent] = /^(\d+) of (\d+)$/.exec(said(client, 'echoed') ?? '') ?? [];
  if (back === undefined) return `it ended unexpectedly ${client.errors.trim().split('\n')[0]}`.trim();
  return back === sent ? undefined : `${back} of ${sent} bytes came back`;
}

export interface TakenPath {
  readonly t: number;
  readonly kind: PathKind;
}

/** Which ways the tunnel to `to` has gone, by a node's trace. */
export function pathsOf(trace: readonly TraceLine[], to: LabNode): TakenPath[] {
  const about = trace.filter(({ event, peer }) => TELLS_PATH.has(event) && peer === fqdnOf(to));
  return about.map(({ t, path }) => ({ t: Number(t), kind: kindOf(String(path)) }));
}

/** As the node says at its end. */
function lastPath(trace: readonly TraceLine[], to: LabNode): PathKind | undefined {
  const last = trace.findLast(({ event }) => event === 'statistics') as
    { readonly tunnels?: readonly { readonly fqdn: string; readonly path: string }[] } | undefined;
  const tunnel = last?.tunnels?.find(({ fqdn }) => fqdn === fqdnOf(to));
  return tunnel && kindOf(tunnel.path);
}

/** See describePath of core/packet/path.ts. */
const kindOf = (path: string): PathKind => (path.startsWith('relay ') ? 'relay' : 'direct');

/** What follows the word, of the line that begins with it. */
function said(program: Program, word: string): string | undefined {
  return program.lines.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1);
}

const numberOf = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text));

/** Or until the program has ended. */
async function until(program: Program, limitMs: number, isThere: () => boolean): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!program.end && performance.now() < endMs && !isThere()) {
    await new Promise((wake) => setTimeout(wake, LOOK_EVERY_MS));
  }
}
