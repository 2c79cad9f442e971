/** What `ntmobile netcheck` says to people. */
import type { FamilyFindings, Findings, RelayFindings } from './findings';

export function inWords(findings: Findings): string {
  return [
    udpWords(findings),
    ...familyWords('IPv4', findings.ipv4),
    ...familyWords('IPv6', findings.ipv6),
    ...relayWords(findings),
    portMappingWords(findings),
    `In short: ${summary(findings)}`,
  ].join('\n');
}

function udpWords({ udp }: Findings): string {
  if (udp === null) return 'UDP: no relay server to ask';
  return udp ? 'UDP: works' : 'UDP: blocked, or no relay server is there: none answered';
}

function familyWords(name: string, { works, outside, nat, mapping, filtering }: FamilyFindings): string[] {
  if (!works) return [`${name}: does not work`];
  const lines = [`${name}: works, seen as ${outside.join(' and ')}${nat ? ', behind a NAT' : ', without a NAT'}`];
  if (nat) lines.push(`  mapping: ${MAPPINGS[mapping ?? 'unknown']}`);
  lines.push(`  filtering: ${FILTERS[filtering ?? 'unknown']}`);
  return lines;
}

const MAPPINGS = {
  'endpoint-independent':
    'endpoint-independent: the NAT uses one port whoever is sent to (a "cone" NAT), so others can be told of it',
  dependent: 'address- or port-dependent: the NAT uses another port for each whom this host sends to ("symmetric")',
  unknown: 'not known: it takes two servers to tell',
};

const FILTERS = {
  open: 'open: what this host has not asked for arrives, too (endpoint-independent, or address-dependent)',
  'address-and-port-dependent':
    'only what was asked for: datagrams come in from where this host has sent to (address and port-dependent)',
  unknown: 'not known: no relay server could try',
};

function relayWords({ relays, nearest }: Findings): string[] {
  const line = ({ name, rttMs, ipv4, ipv6 }: RelayFindings): string => {
    const over = [ipv4 && 'IPv4', ipv6 && 'IPv6'].filter(Boolean).join(' and ');
    const how = rttMs === null ? 'does not answer' : `${rttMs} ms, over ${over}`;
    return `  ${name}: ${how}${name === nearest && relays.length > 1 ? ' (nearest)' : ''}`;
  };
  return relays.length === 0 ? ['Relay servers: none'] : ['Relay servers:', ...relays.map(line)];
}

function portMappingWords({ portMapping }: Findings): string {
  if (portMapping === null) return 'Port mapping: not looked at';
  if (portMapping === 'none') return 'Port mapping: no gateway here maps ports';
  return `Port mapping: by ${portMapping.protocol}, as ${portMapping.outside}`;
}

function summary({ udp, ipv4, ipv6, portMapping }: Findings): string {
  if (udp === false) return 'no tunnel can be made from here by UDP.';
  const families = [ipv4, ipv6].filter(({ works }) => works);
  if (portMapping !== null && portMapping !== 'none') return 'others can reach this host directly, by the mapped port.';
  if (families.length === 0 || families.every(({ filtering }) => filtering === null))
    return 'whether others can reach this host directly is not known.';
  if (families.some(({ filtering }) => filtering === 'open')) return 'others can reach this host directly.';
  if (families.some(({ mapping }) => mapping === 'endpoint-independent'))
    return 'others reach this host directly when both sides send at once; a relay server helps until then.';
  return 'others reach this host through a relay server, and directly only where they are open themselves.';
}
