/** What the servers of a world count, hold and wait for: a look inside, since there is no other way to see a leak. */
import type { Signalling } from '../../core/wire/signalling';
import type { ServerWorld } from '../support/server-world';
import { retained } from './retained';

/** core/wire/transaction-window.ts */
const WINDOW = 256n;

type Servers = Pick<ServerWorld, 'as' | 'dc' | 'ns' | 'rs' | 'cs'>;

/** Dropped by any server, for this reason or any. */
export function dropsOf(servers: Servers, reason?: string): number {
  let sum = 0;
  const { ns, rs, cs } = servers;
  const counting = [ns.connections, rs.paths, rs.stun, cs.connections, cs.uploads, ...portsOf(servers).values()];
  for (const { drops } of counting) {
    for (const [why, count] of drops) if (reason === undefined || why === reason) sum += count;
  }
  return sum;
}

/** Entries of all tables of all servers. */
export function heldBy({ as, dc, ns, rs, cs, time }: ServerWorld): number {
  return retained([as, dc, ns, rs, cs], time);
}

/** Entries of one table that belie another, and what should have been forgotten. */
export function contradictionsAt(servers: Servers): string[] {
  const { dc, ns } = servers;
  const found: string[] = [];
  for (const [table, port] of [
    [(dc as any).registrations.sessions, dc.signalling],
    [(ns.services as any).byName, ns.streamSignalling],
  ]) {
    for (const { fqdn, peer, connection } of table.values()) {
      if (port.peers.find(peer.key.id) !== peer) found.push(`${fqdn}: its key is not known`);
      if (connection && !(ns.connections as any).open.has(connection)) found.push(`${fqdn}: its connection is closed`);
    }
  }
  for (const [peer, { path }] of (servers.rs as any).sides) {
    if (servers.rs.signalling.holderOf(peer.key.id) !== peer) found.push(`${peer.name}: its key is not known`);
    if (![...servers.rs.paths].includes(path)) found.push(`${peer.name}: its path has ended`);
  }
  for (const [name, port] of portsOf(servers)) {
    for (const { window } of (port as any).peers.known.values()) {
      if (window.seen >> WINDOW > 0n) found.push(`${name}: transactions below the window are remembered`);
    }
  }
  return found;
}

/** Names of the tables that hold what somebody waits for: empty when all is over. */
export function waitingAt(servers: Servers): string[] {
  const waiting: [string, { readonly size: number }][] = [
    ['dc: notifications', (servers.dc as any).notifications.waiting],
    ['dc: wakings', (servers.dc as any).residents.parts.wakings.waiting],
    ['ns: pushes', (servers.ns as any).pusher.retries],
  ];
  for (const [name, port] of portsOf(servers)) {
    const { exchanges, peers } = port as any;
    waiting.push([`${name}: requests`, exchanges.pending]);
    waiting.push([`${name}: being handled`, peers.handling], [`${name}: strangers`, peers.strangers]);
  }
  return waiting.filter(([, { size }]) => size > 0).map(([name, { size }]) => `${name}: ${size}`);
}

function portsOf({ as, dc, ns, rs, cs }: Servers): Map<string, Signalling<any>> {
  const ports = new Map<string, Signalling<any>>([
    ['ns stream', ns.streamSignalling],
    ['cs stream', cs.streamSignalling],
  ]);
  for (const [name, { signalling }] of Object.entries({ as, dc, ns, rs, cs })) ports.set(name, signalling);
  return ports;
}
