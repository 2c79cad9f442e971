/** What a matrix has shown, for people: a table, a grid of paths, the sum. */
import type { Row } from './matrix';

const COLUMNS = ['from', 'to', 'connected', 'first path', 'path', 'first byte (ms)', 'direct (ms)', ''] as const;

export function tableOf(rows: readonly Row[]): string[] {
  const cells = rows.map(({ from, to, outcome, result }) => [
    ...[from.name, to.name, outcome.connected ? 'yes' : 'NO', outcome.firstPath ?? '-', result.path],
    ...[result.firstByteMs, result.directMs].map((ms) => (ms === null ? '-' : ms.toFixed(0))),
    result.ok ? '' : result.note,
  ]);
  return aligned([COLUMNS, ...cells]);
}

/** Who dials stands on the left, who is dialled is a number above. */
export function gridOf(rows: readonly Row[]): string[] {
  const dialling = [...new Set(rows.map(({ from }) => from.name))];
  const dialled = [...new Set(rows.map(({ to }) => to.name))];
  const cell = (from: string, to: string): string => {
    const row = rows.find((each) => each.from.name === from && each.to.name === to);
    return row ? `${row.result.path[0]}${row.result.ok ? '' : '!'}` : '';
  };
  const lines = dialling.map((from) => [from, ...dialled.map((to) => cell(from, to))]);
  return [
    ...aligned([['', ...dialled.map((_, i) => `${i + 1}`)], ...lines]),
    `d direct, r relay, n none, ! not as expected; ${dialled.map((to, i) => `${i + 1} ${to}`).join(', ')}`,
  ];
}

export function summaryOf(rows: readonly Row[]): string[] {
  const connected = rows.filter(({ outcome }) => outcome.connected);
  const asExpected = rows.filter(({ result }) => result.ok);
  return [
    `${connected.length} of ${rows.length} pairs connect; ${count(rows, 'direct')} direct, ${count(rows, 'relay')} by a relay`,
    `first byte: ${spreadOf(connected.flatMap(({ outcome }) => outcome.firstByteMs ?? []))}`,
    `direct: ${spreadOf(connected.flatMap(({ outcome }) => outcome.directMs ?? []))}`,
    `${asExpected.length} of ${rows.length} are as expected`,
  ];
}

const count = (rows: readonly Row[], path: string): number => rows.filter(({ result }) => result.path === path).length;

function spreadOf(valuesMs: readonly number[]): string {
  if (valuesMs.length === 0) return '-';
  const sorted = [...valuesMs].sort((a, b) => a - b);
  const at = (part: number): string => sorted[Math.floor((sorted.length - 1) * part)]!.toFixed(0);
  return `${at(0.5)} ms (median), ${at(0.95)} ms (95 %), ${at(1)} ms (most)`;
}

function aligned(lines: readonly (readonly string[])[]): string[] {
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines.map((line) =>
    line
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  );
}
