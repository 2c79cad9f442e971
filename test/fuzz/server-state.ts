/** What the servers of a world count, hold and wait for: a look inside, since there is no other way to see a leak. */
import type { Signalling } from '../../core/wire/signalling';
import type { ServerWorld } from '../support/server-world';
import { retained } from './retained';

/** Dropped by any server, for this reason or any. */
export function dropsOf({ as, dc, ns, rs, cs }: ServerWorld, reason?: string): number {
  const all: ReadonlyMap<string, number>[] = [ns.streamSignalling.drops, ns.connections.drops];
  for (const { signalling } of [as, dc, ns, rs, cs]) all.push(signalling.drops);
  let sum = 0;
  for (const drops of all) for (const [why, count] of drops) if (reason === undefined || why === reason) sum += count;
  return sum;
}

/** Entries of all tables of all servers. */
export function heldBy({ as, dc, ns, rs, cs, time }: ServerWorld): number {
  return retained([as, dc, ns, rs, cs], time);
}

/** Entries of one table that belie another: sessions whose key is not known, nodes on connections that are closed. */
export function contradictionsAt({ dc, ns }: ServerWorld): string[] {
  const found: string[] = [];
  for (const [table, port] of [
    [(dc as any).registrations.sessions, dc.signalling],
    [(ns as any).services, ns.streamSignalling],
  ]) {
    for (const { fqdn, peer, connection } of table.values()) {
      if (port.peers.find(peer.key.id) !== peer) found.push(`${fqdn}: its key is not known`);
      if (connection && !(ns.connections as any).open.has(connection)) found.push(`${fqdn}: its connection is closed`);
    }
  }
  return found;
}

/** Names of the tables that hold what somebody waits for: empty when all is over. */
export function waitingAt({ as, dc, ns, rs, cs }: ServerWorld): string[] {
  const waiting: [string, { readonly size: number }][] = [['dc: notifications', (dc as any).notifications.waiting]];
  const ports: [string, Signalling<any>][] = [['ns stream', ns.streamSignalling]];
  for (const [name, { signalling }] of Object.entries({ as, dc, ns, rs, cs })) ports.push([name, signalling]);
  for (const [name, port] of ports) {
    waiting.push([`${name}: requests`, (port as any).exchanges.pending]);
    waiting.push([`${name}: strangers`, (port as any).peers.strangers]);
  }
  return waiting.filter(([, { size }]) => size > 0).map(([name, { size }]) => `${name}: ${size}`);
}
