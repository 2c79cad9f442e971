/**
 * Inbound rules (NTMOBILE_ALLOW): which correspondent may reach which ports. Pure: no state, no network.
 *
 *   rules   = rule *("," rule)               a peer gets in when at least one rule lets it
 *   rule    = name ":" permit                           name: wire/name-pattern.ts, permit: wire/permits.ts
 */
import { NtmError } from './errors';
import { matchesName, parseNamePattern, type NamePattern } from './wire/name-pattern';
import { canonicalName } from './wire/names';
import { isOfPermit, parsePermit, type Permit, type Protocol } from './wire/permits';

export type { Protocol } from './wire/permits';

export interface InboundRules {
  /**
   * `fqdn`: whose identity is certain, since the DC introduced it and its tunnel authenticates it.
   * `isZone`: whether this is a zone of the network, in canonical form.
   */
  admits(fqdn: string, protocol: Protocol, port: number, isZone: (name: string) => boolean): boolean;
}

interface Rule {
  readonly who: NamePattern;
  readonly permit: Permit;
}

const EXPECTED = 'expected is NAME:PORTS, e.g. `alice.*:443`, `*.ops.example:8000-8100/tcp` or `bob.example:*`';

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
      return rules.some(({ who, permit }) => isOfPermit(permit, protocol, port) && matchesName(who, name, isZone));
    },
  };
}

function parseRule(text: string): Rule {
  const refuse = (why: string): NtmError => malformed(`rule \`${text}\` ${why}; ${EXPECTED}`);
  if (!/^[\x21-\x7e]+$/.test(text)) throw refuse('holds what is no part of a name; names of other alphabets: as xn--');
  const [, name = '', ports, protocol] = /^([^:/]*)(?::([^:/]*))?(?:\/(.*))?$/.exec(text.toLowerCase()) ?? [];
  if (ports === undefined) throw refuse('names no ports');
  if (!parsePermit(ports)) throw refuse('has no such ports');
  const permit = parsePermit(protocol === undefined ? ports : `${ports}/${protocol}`);
  if (!permit) throw refuse('is for neither /tcp nor /udp');
  const who = parseNamePattern(name);
  if (typeof who === 'string') throw refuse(who);
  return { who, permit };
}

function malformed(why: string): NtmError {
  return new NtmError('NTM_CONFIG', `NTMOBILE_ALLOW ${why}`);
}
