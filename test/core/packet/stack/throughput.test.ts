/**
 * Throughput of one TCP connection over bad paths, in virtual time: the same on every machine. The table is kept in
 * throughput.txt beside this file, so that a change of it is seen; NTMOBILE_SNAPSHOT=write writes it anew.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../support/paths';
import { StackPair } from '../../../support/stack-pair';

const snapshot = join(projectRoot, 'test/core/packet/stack/throughput.txt');
const MTU = 1380;
const LINK_PER_MS = 10; // packets: 13.4 MB/s
/** Where more round trips fit into a second, fewer seconds tell as much. */
const TRIALS = [
  { roundTripMs: 2, seconds: 1 },
  { roundTripMs: 20, seconds: 2 },
  { roundTripMs: 100, seconds: 4 },
  { roundTripMs: 200, seconds: 4 },
] as const;
type Trial = (typeof TRIALS)[number];

const paths: readonly (readonly [string, (pair: StackPair) => void])[] = [
  ['clean', () => {}],
  ...[0.001, 0.01, 0.03, 0.1].map(
    (loss) => [`${loss * 100} % lost`, (pair: StackPair) => void (pair.loss = loss)] as const,
  ),
  ['1 % of 20 in a row lost', loseInBursts],
  ['1 % overtaken, up to 5 ms', (pair) => void (pair.jitter = { probability: 0.01, upToMs: 5 })],
  ['20 % overtaken, up to 5 ms', (pair) => void (pair.jitter = { probability: 0.2, upToMs: 5 })],
  ['10 % doubled', (pair) => void (pair.duplication = 0.1)],
];

/** One packet in a thousand begins a loss of twenty in a row. */
function loseInBursts(pair: StackPair): void {
  let left = 0;
  pair.lose = () => {
    if (left === 0 && pair.random.chance(0.0005)) left = 20;
    if (left === 0) return false;
    left--;
    return true;
  };
}

function megabytesPerSecond(
  { roundTripMs, seconds }: Trial,
  queuePackets: number,
  spoil: (pair: StackPair) => void,
): string {
  const queue = { packets: queuePackets, perMs: LINK_PER_MS };
  const pair = new StackPair({ seed: 7, delayMs: roundTripMs / 2, mtu: MTU, queue });
  spoil(pair);
  const { client, server } = pair.connect();
  server.keeping = false;
  client.send(new Uint8Array(LINK_PER_MS * MTU * 1_000 * seconds));
  pair.time.advance(seconds * 1_000);
  pair.alice.close();
  pair.bob.close();
  assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0);
  return (server.receivedLength / 1e6 / seconds).toFixed(2);
}

/** One bandwidth-delay product, as routers are given. */
function usualQueue(roundTripMs: number): number {
  return Math.max(100, roundTripMs * LINK_PER_MS);
}

function table(): string {
  const line = (name: string, cells: readonly string[]): string =>
    name.padEnd(28) + cells.map((cell) => cell.padStart(9)).join('');
  const row = (name: string, spoil: (pair: StackPair) => void, queue: (roundTripMs: number) => number): string =>
    line(
      name,
      TRIALS.map((trial) => megabytesPerSecond(trial, queue(trial.roundTripMs), spoil)),
    );
  return [
    `MB/s in the first seconds of a connection, link of ${((LINK_PER_MS * (MTU - 40)) / 1e3).toFixed(1)} MB/s, MTU ${MTU}`,
    line(
      'round trip',
      TRIALS.map(({ roundTripMs }) => `${roundTripMs} ms`),
    ),
    line(
      'time',
      TRIALS.map(({ seconds }) => `${seconds} s`),
    ),
    ...paths.map(([name, spoil]) => row(name, spoil, usualQueue)),
    row(
      'queue of 10 packets',
      () => {},
      () => 10,
    ),
    row(
      'queue of 10,000 packets',
      () => {},
      () => 10_000,
    ),
    '',
  ].join('\n');
}

describe('virtual stack: throughput', function () {
  this.timeout(120_000);

  it('one connection over bad paths -> as in throughput.txt', () => {
    const now = table();
    if (process.env['NTMOBILE_SNAPSHOT'] === 'write') writeFileSync(snapshot, now);
    assert.equal(now, readFileSync(snapshot, 'utf8'));
  });
});
