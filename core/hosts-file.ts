/** The host's own table of names. */
import { readFileSync } from 'node:fs';
import { canonicalName } from './wire/names';

let names: ReadonlySet<string> | undefined;

/** Names in /etc/hosts; none where there is no such file. Read once, when first asked for. */
export function hostsFileNames(): ReadonlySet<string> {
  if (names) return names;
  let text = '';
  try {
    text = readFileSync('/etc/hosts', 'utf8');
  } catch {
    // no such file: no such names
  }
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').trim().split(/\s+/).slice(1));
  names = new Set(lines.flat().map(canonicalName));
  return names;
}
