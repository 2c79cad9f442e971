/**
 * Inbound rules (NTMOBILE_ALLOW): which correspondent may reach which ports. Pure: no state, no network.
 *
 *   rules   = rule *("," rule)               a peer gets in when at least one rule lets it
 *   rule    = name ":" ports ["/tcp" / "/udp"]           without a protocol: both
 *   name    = "*"                            everybody
 *           / ["*."] label *("." label) [".*"]
 *   ports   = "*" / port ["-" port]                      1 to 65535
 *
 * `*.alice.example` is every name below `alice.example`, at any depth, and not `alice.example` itself. `alice.*` is
 * account `alice` in any zone of this network, and nobody else: an account names its nodes as it likes, so that
 * `alice.mallory.example` is a name that mallory can have.
 *
 * Names are compared in canonical form: in lower case, without the dot of the root.
 */
import { isIPv4 } from 'node:net';
import { NtmError } from './errors';
import { canonicalName } from './wire/names';

export type Protocol = 'tcp' | 'udp';

export interface InboundRules {
  /**
   * `fqdn`: whose identity is certain, since the DC introduced it and its tunnel authenticates it.
   * `isZone`: whether this is a zone of the network, in canonical form.
   */
  admits(fqdn: string, protocol: Protocol, port: number, isZone: (name: string) => boolean): boolean;
}

interface Rule {
  /** The labels between the asterisks, with their dots; undefined: everybody. */
  readonly name: string | undefined;
  /** `*.` before them. */
  readonly isBelow: boolean;
  /** `.*` behind them. */
  readonly inAnyZone: boolean;
  readonly firstPort: number;
  readonly lastPort: number;
  /** Undefined: either. */
  readonly protocol: Protocol | undefined;
}

const EXPECTED = 'expected is NAME:PORTS, e.g. `alice.*:443`, `*.ops.example:8000-8100/tcp` or `bob.example:*`';
const NAME = /^(\*\.)?([a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*)(\.\*)?$/;
const PORTS = /^(?:\*|([1-9]\d{0,4})(?:-([1-9]\d{0,4}))?)$/;

/** Throws NtmError NTM_CONFIG that names the rule. Never reads less than was written: who gets in must be meant. */
export function parseInboundRules(setting: string | readonly string[]): InboundRules {
  const texts = typeof setting === 'string' ? setting.split(',') : setting;
  const rules = texts
    .map((text) => text.trim())
    .filter(Boolean)
    .map(parseRule);
  if (rules.length === 0) throw malformed(`is empty; ${EXPECTED}; unset it to let everybody in`);
  return {
    admits: (fqdn, protocol, port, isZone) => {
      const name = canonicalName(fqdn);
      return rules.some(
        (rule) =>
          port >= rule.firstPort &&
          port <= rule.lastPort &&
          (rule.protocol ?? protocol) === protocol &&
          names(rule, name, isZone),
      );
    },
  };
}

function parseRule(text: string): Rule {
  const refuse = (why: string): NtmError => malformed(`rule \`${text}\` ${why}; ${EXPECTED}`);
  if (!/^[\x21-\x7e]+$/.test(text)) throw refuse('holds what is no part of a name; names of other alphabets: as xn--');
  const [, who = '', ports, protocol] = /^([^:/]*)(?::([^:/]*))?(?:\/(.*))?$/.exec(text.toLowerCase()) ?? [];
  if (ports === undefined) throw refuse('names no ports');
  const range = PORTS.exec(ports);
  const firstPort = Number(range?.[1] ?? 1);
  const lastPort = Number(range?.[2] ?? range?.[1] ?? 65_535);
  if (!range || lastPort > 65_535 || firstPort > lastPort) throw refuse('has no such ports');
  if (!isProtocol(protocol)) throw refuse('is for neither /tcp nor /udp');
  const rest = { firstPort, lastPort, protocol };
  if (who === '*') return { name: undefined, isBelow: false, inAnyZone: false, ...rest };
  const canonical = canonicalName(who);
  const [, below, name, anyZone] = NAME.exec(canonical) ?? [];
  if (name === undefined) throw refuse('does not name a node');
  if (isIPv4(name)) throw refuse('names an address; who is behind it only a name tells');
  if (name === canonical && !name.includes('.')) throw refuse(`names no node: an account is \`${name}.*\``);
  return { name, isBelow: below !== undefined, inAnyZone: anyZone !== undefined, ...rest };
}

function isProtocol(text: string | undefined): text is Protocol | undefined {
  return text === undefined || text === 'tcp' || text === 'udp';
}

function names(rule: Rule, fqdn: string, isZone: (name: string) => boolean): boolean {
  if (rule.name === undefined) return true;
  if (!rule.inAnyZone) return rule.isBelow ? fqdn.endsWith(`.${rule.name}`) : fqdn === rule.name;
  for (let dot = fqdn.indexOf('.'); dot >= 0; dot = fqdn.indexOf('.', dot + 1)) {
    if (!isZone(fqdn.slice(dot + 1))) continue;
    const local = fqdn.slice(0, dot);
    if (rule.isBelow ? local.endsWith(`.${rule.name}`) : local === rule.name) return true;
  }
  return false;
}

function malformed(why: string): NtmError {
  return new NtmError('NTM_CONFIG', `NTMOBILE_ALLOW ${why}`);
}
