/**
 * What `ip -oneline monitor label link address route rule` (iproute2) prints, one change a line, and which of these may
 * concern a node. The text is for people and differs between versions: what is not understood is worth a look, too, and
 * what was changed is then read from the system itself.
 *
 *   [LINK]2: eth0: <NO-CARRIER,BROADCAST,MULTICAST,UP> mtu 1500 qdisc noqueue state DOWN ...
 *   [ADDR]Deleted 2: eth0    inet 192.0.2.1/24 scope global eth0\       valid_lft forever ...
 *   [ROUTE]default via 192.0.2.254 dev eth0
 */
import type { NetworkChange } from '../runtime';

const LOOK: NetworkChange = { kind: 'look' };
/** A line that is longer is none of `ip`. */
const LINE_LIMIT = 4_096;
/** Of one interface only, or of nobody's packets to others. */
const OWN_ROUTE = /^(local|broadcast|multicast|anycast)\s|^(fe80:|ff00:|169\.254\.)|\stable local(\s|$)/;

/** `undefined` for what concerns nobody. */
export function networkChangeIn(line: string): NetworkChange | undefined {
  const text = line.replace(/^\[(nsid [^\]]*|[A-Z]+)\]/, '').trim();
  if (text === '') return undefined;
  const isDeleted = text.startsWith('Deleted ');
  const rest = isDeleted ? text.slice('Deleted '.length).trim() : text;
  const about = /^\d+: +([^\s:@]+)\S* +(.*)$/.exec(rest); // after a tab it is a rule
  if (!about) return routeChange(rest, isDeleted);
  const [, interfaceName, what = ''] = about;
  if (interfaceName === 'lo') return undefined;
  if (/^inet6?\s/.test(what)) return addressChange(what, interfaceName, isDeleted);
  const flags = /^<([^>]*)>/.exec(what)?.[1]?.split(',');
  const isUp = !flags || (flags.includes('UP') && !flags.includes('NO-CARRIER'));
  return isDeleted || !isUp ? { kind: 'lost', interfaceName } : LOOK;
}

function addressChange(what: string, interfaceName: string | undefined, isDeleted: boolean): NetworkChange | undefined {
  if (/\sscope (link|host)\b/.test(what)) return undefined;
  return isDeleted ? { kind: 'lost', interfaceName } : LOOK;
}

function routeChange(text: string, isDeleted: boolean): NetworkChange | undefined {
  if (OWN_ROUTE.test(text)) return undefined;
  if (!isDeleted || !/^((unreachable|blackhole|prohibit)\s)?default(\s|$)/.test(text)) return LOOK;
  return { kind: 'lost', interfaceName: /\sdev (\S+)/.exec(text)?.[1] };
}

/** Bytes of a pipe, as they come, to lines. */
export class Lines {
  private rest = '';

  constructor(private readonly onLine: (line: string) => void) {}

  add(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = (lines.pop() ?? '').slice(0, LINE_LIMIT);
    for (const line of lines) this.onLine(line.slice(0, LINE_LIMIT));
  }
}
