/** A scenario: who is where, what runs, what is expected. One file for each in test/lab/reach/. */
import { dial, listenAt, type DialOptions, type ObserveOptions, type Outcome, type PathKind } from './dialling';
import { expectedPath, type Expected } from './expectations';
import type { LabNode, NatLab } from './nat-lab';
import type { Place } from './place';
import { placeOf } from './places';

export interface Result {
  readonly name: string;
  readonly ok: boolean;
  /** In the end. */
  readonly path: PathKind | 'none';
  readonly firstByteMs: number | null;
  readonly directMs: number | null;
  /** What is not as expected, or what else is worth saying. */
  readonly note: string;
}

export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** `say`: in plain words, what happens. */
  run(lab: NatLab, options: ObserveOptions, say: (line: string) => void): Promise<Result>;
}

export interface Pair {
  readonly from: Place;
  readonly to: Place;
}

export const nameOf = ({ from, to }: Pair): string => `${from.name}-to-${to.name}`;

/** Servers at places, each started when it is first wanted, and then kept. */
const listening = new WeakMap<NatLab, Map<string, Promise<LabNode>>>();

export function listenerAt(lab: NatLab, place: Place): Promise<LabNode> {
  const known = listening.get(lab) ?? new Map<string, Promise<LabNode>>();
  listening.set(lab, known);
  const found = known.get(place.name) ?? listenAt(lab, { place, copy: 1 });
  known.set(place.name, found);
  return found;
}

export async function runPair(lab: NatLab, pair: Pair, options: DialOptions, name = nameOf(pair)): Promise<Outcome> {
  const to = await listenerAt(lab, pair.to);
  // Two in the same situation are not on one host.
  const copy = pair.from === pair.to ? 2 : 1;
  return dial(lab, { place: pair.from, copy }, name, to, options);
}

export function judge(pair: Pair, outcome: Outcome, expected = expectedPath(pair.from, pair.to)): Result {
  const { connected, firstPath, lastPath, firstByteMs, directMs } = outcome;
  const faults = [...(connected ? [] : ['does not connect']), ...(outcome.fault ? [outcome.fault] : [])];
  if (connected && !isAsExpected(expected, lastPath))
    faults.push(`expected ${expected}, is ${lastPath ?? 'not known'}`);
  const upgraded = firstPath === 'relay' && lastPath === 'direct' ? 'first by the relay' : '';
  return {
    name: nameOf(pair),
    ok: faults.length === 0,
    path: connected && lastPath ? lastPath : 'none',
    firstByteMs: rounded(firstByteMs),
    directMs: rounded(directMs),
    note: faults.join('; ') || upgraded,
  };
}

/** Of a file in test/lab/reach/: one dials the other, and what is expected of the two places is expected. */
export function pairScenario(name: string, from: string, to: string, about: string): Scenario {
  return scenarioOf(name, { from: placeOf(from), to: placeOf(to) }, about);
}

/** The same of places that are not in the matrix. */
export function scenarioOf(name: string, pair: Pair, about: string): Scenario {
  return {
    name,
    about,
    async run(lab, options, say) {
      for (const place of [pair.from, pair.to]) say(`${place.name}: ${place.about}`);
      const outcome = await runPair(lab, pair, options, name);
      for (const line of inWords(pair, outcome)) say(line);
      return { ...judge(pair, outcome), name };
    },
  };
}

function inWords({ from, to }: Pair, outcome: Outcome): string[] {
  const { connected, firstPath, lastPath, firstByteMs, directMs, fault } = outcome;
  if (!connected) return [`a program at ${from.name} does not reach ${to.name}: ${fault ?? 'no answer'}`];
  return [
    `a program at ${from.name} dials ${to.name} by name: the first byte is back after ${rounded(firstByteMs)} ms`,
    `its tunnel begins ${inPlainWords(firstPath)} and in the end goes ${inPlainWords(lastPath)}`,
    ...(directMs === undefined ? [] : [`it is direct ${rounded(directMs)} ms after the dialling`]),
    fault ?? 'all that was sent came back, whole and in order',
  ];
}

const inPlainWords = (path: PathKind | undefined): string =>
  path === 'relay' ? 'through a relay server' : path === 'direct' ? 'directly' : 'by an unknown path';

const isAsExpected = (expected: Expected, path: PathKind | undefined): boolean =>
  expected === 'either' ? path !== undefined : path === expected;

const rounded = (ms: number | undefined): number | null => (ms === undefined ? null : Math.round(ms * 10) / 10);
