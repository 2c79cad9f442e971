/**
 * Names of nodes in rules (NTMOBILE_ALLOW, the policy of a DC):
 *
 *   name = "*"                            everybody
 *        / ["*."] label *("." label) [".*"]
 *
 * `*.alice.example` is every name below `alice.example`, at any depth, and not `alice.example` itself. `alice.*` is
 * account `alice` in any zone of this network, and nobody else: an account names its nodes as it likes, so that
 * `alice.mallory.example` is a name that mallory can have.
 *
 * Names are compared in canonical form: in lower case, without the dot of the root.
 */
import { isIPv4 } from 'node:net';
import { canonicalName } from './names';

export interface NamePattern {
  /** The labels between the asterisks, with their dots; undefined: everybody. */
  readonly name: string | undefined;
  /** `*.` before them. */
  readonly isBelow: boolean;
  /** `.*` behind them. */
  readonly inAnyZone: boolean;
}

const NAME = /^(\*\.)?([a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*)(\.\*)?$/;

/** Text: why it is none. */
export function parseNamePattern(text: string): NamePattern | string {
  if (text === '*') return { name: undefined, isBelow: false, inAnyZone: false };
  const canonical = canonicalName(text);
  const [, below, name, anyZone] = NAME.exec(canonical) ?? [];
  if (name === undefined) return 'does not name a node';
  if (isIPv4(name)) return 'names an address; who is behind it only a name tells';
  if (name === canonical && !name.includes('.')) return `names no node: an account is \`${name}.*\``;
  return { name, isBelow: below !== undefined, inAnyZone: anyZone !== undefined };
}

/** `isZone`: whether this is a zone of the network. All names in canonical form. */
export function matchesName(pattern: NamePattern, fqdn: string, isZone: (name: string) => boolean): boolean {
  const { name, isBelow, inAnyZone } = pattern;
  if (name === undefined) return true;
  if (!inAnyZone) return isBelow ? fqdn.endsWith(`.${name}`) : fqdn === name;
  for (let dot = fqdn.indexOf('.'); dot >= 0; dot = fqdn.indexOf('.', dot + 1)) {
    if (!isZone(fqdn.slice(dot + 1))) continue;
    const local = fqdn.slice(0, dot);
    if (isBelow ? local.endsWith(`.${name}`) : local === name) return true;
  }
  return false;
}
