/**
 * Names of nodes and servers: LDH labels (RFC 5890 section 2.3.1) in lower case, joined to FQDNs without final dot.
 *
 *   alice.<zone>             the account's node
 *   worker-1.alice.<zone>    node worker-1 of the account
 *   dc.<zone>                a server
 */

/** Names in the zone that belong to servers, so no account can have them. */
export const reservedNames: readonly string[] = ['as', 'dc', 'ns', 'rs', 'cs', 'www', 'localhost'];

/** ICANN reserved `internal` for private use (Board resolution 2024.07.29.06); no public name can collide with it. */
export const DEFAULT_ZONE = 'ntm.internal';

const FQDN_LIMIT = 253;

export function isLabel(text: string): boolean {
  return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text);
}

export function isZone(text: string): boolean {
  return text.length <= 180 && text.split('.').every(isLabel) && !/^[\d.]+$/.test(text);
}

/** Why this cannot be an account's name, or `undefined` when it can. */
export function accountNameProblem(name: string): string | undefined {
  if (!isLabel(name)) return 'use letters a-z, digits and hyphens, 63 at most, without a hyphen at either end';
  if (reservedNames.includes(name)) return 'that name belongs to a server';
  return undefined;
}

/** `undefined` when the labels make no valid name. */
export function nodeFqdn(account: string, node: string | null, zone: string): string | undefined {
  if (!isLabel(account) || (node !== null && !isLabel(node))) return undefined;
  const name = node === null ? `${account}.${zone}` : `${node}.${account}.${zone}`;
  return name.length <= FQDN_LIMIT ? name : undefined;
}

/** Of names in normal form. */
export function isBelow(parent: string, name: string): boolean {
  return name.endsWith(`.${parent}`);
}

/** The labels before the zone, outermost last; `undefined` when the name is not below the zone. */
export function labelsBelow(zone: string, fqdn: string): readonly string[] | undefined {
  return fqdn.endsWith(`.${zone}`) ? fqdn.slice(0, -zone.length - 1).split('.') : undefined;
}
