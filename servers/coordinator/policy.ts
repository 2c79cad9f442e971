/**
 * The policy of a zone: who may reach which ports of its nodes. JSON with comments, for people to write:
 *
 *   {
 *     "groups": { "ops": ["alice.*", "*.ops.example"] },
 *     "rules": [
 *       { "from": "@ops", "to": "*", "ports": "22/tcp" },
 *       { "from": "*", "to": ["web.ntm.internal"], "ports": ["80/tcp", "443"] }
 *     ]
 *   }
 *
 * What no rule permits is refused. Names mean what they mean in NTMOBILE_ALLOW (core/wire/name-pattern.ts). Pure.
 */
import * as v from 'valibot';
import { matchesName, parseNamePattern, type NamePattern } from '../../core/wire/name-pattern';
import { canonicalName } from '../../core/wire/names';
import { parsePermit, PERMITS_LIMIT } from '../../core/wire/permits';
import { parseJsonc } from '../jsonc-file';

export interface Policy {
  /** What `from` may reach at `to`, as permits: "443/tcp". `isZone`: of names in canonical form. */
  permits(from: string, to: string, isZone: (name: string) => boolean): readonly string[];
}

interface Rule {
  readonly from: readonly NamePattern[];
  readonly to: readonly NamePattern[];
  readonly ports: readonly string[];
}

const list = v.pipe(
  v.union([v.string(), v.array(v.string())], 'must be text, or a list of texts'),
  v.transform((value) => (typeof value === 'string' ? [value] : value)),
  v.minLength(1, 'is empty'),
);
const schema = v.strictObject({
  groups: v.optional(
    v.record(v.pipe(v.string(), v.regex(/^[\w-]+$/, 'is no name of a group: use letters and digits')), list),
    {},
  ),
  rules: v.array(v.strictObject({ from: list, to: list, ports: list }), 'must be a list: [ ... ]'),
});

/** Throws NtmError NTM_CONFIG that names the file `path` and the line. */
export function parsePolicy(text: string, path: string): Policy {
  const { value, wrongAt } = parseJsonc(schema, text, path);
  const { groups } = value;
  const pattern = (name: string, keys: readonly (string | number)[]): NamePattern => {
    const parsed = parseNamePattern(name.toLowerCase());
    if (typeof parsed === 'string') throw wrongAt(keys, `\`${name}\` ${parsed}`);
    return parsed;
  };
  const patterns = (names: readonly string[], keys: readonly (string | number)[]): NamePattern[] =>
    names.flatMap((name) => {
      if (!name.startsWith('@')) return [pattern(name, keys)];
      const members = groups[name.slice(1)];
      if (!members) throw wrongAt(keys, `names \`${name}\`, and "groups" has none of this name`);
      return members.map((member) => pattern(member, ['groups', name.slice(1)]));
    });
  for (const [group, members] of Object.entries(groups)) for (const each of members) pattern(each, ['groups', group]);
  const rules = value.rules.map(({ from, to, ports }, i): Rule => {
    const wrong = ports.find((each) => !parsePermit(each));
    if (wrong !== undefined) {
      throw wrongAt(['rules', i, 'ports'], `\`${wrong}\` names no ports: write 443, 8000-8100/tcp or *`);
    }
    return { from: patterns(from, ['rules', i, 'from']), to: patterns(to, ['rules', i, 'to']), ports };
  });
  if (new Set(rules.flatMap(({ ports }) => ports)).size > PERMITS_LIMIT) {
    throw wrongAt(['rules'], `name more than ${PERMITS_LIMIT} different ports: join some to ranges`);
  }
  return { permits: (from, to, isZone) => permitsOf(rules, canonicalName(from), canonicalName(to), isZone) };
}

function permitsOf(rules: readonly Rule[], from: string, to: string, isZone: (name: string) => boolean): string[] {
  const matches = (patterns: readonly NamePattern[], name: string): boolean =>
    patterns.some((pattern) => matchesName(pattern, name, isZone));
  const ports = rules.filter((rule) => matches(rule.to, to) && matches(rule.from, from)).flatMap((rule) => rule.ports);
  return ports.includes('*') ? ['*'] : [...new Set(ports)].sort();
}
