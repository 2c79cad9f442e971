/** The DNS of a DC: its zone, and the reverse zones of its virtual addresses. */
import type { Clock } from '../../core/runtime';
import { RateLimit } from '../rate-limit';
import type { AssignmentStore } from '../store/store';
import type { PoolOptions } from './address-pool';
import type { CoordinatorServer } from './coordinator';
import { coordinatorZone } from './coordinator-zone';
import { DnsServer } from './dns-server';
import { reverseZones } from './reverse-zones';

/** Names never seen that the DNS asks the AS about: 50 at once, 10 a second. */
const NAME_QUESTIONS = { burst: 50, refillMs: 100 };
/**
 * Answers by UDP to one network (/24, /56). A source may be forged, and an answer is larger than its question: so the
 * one who is meant gets 20 kB a second at most, and a resolver that really asks more goes on by TCP.
 */
const UDP_ANSWERS = { burst: 500, refillMs: 10 };

export interface CoordinatorDnsOptions {
  readonly pool: PoolOptions;
  readonly assignments: AssignmentStore;
  readonly clock: Clock;
  /** Of the zones' NS records, the primary first. */
  readonly nameServers: readonly string[];
  /** Real addresses of servers and name servers, by name; those that report themselves are known. */
  readonly servers: ReadonlyMap<string, readonly string[]>;
}

export function coordinatorDns(machine: CoordinatorServer, options: CoordinatorDnsOptions): DnsServer {
  const { clock, assignments, nameServers, servers } = options;
  const { zone } = options.pool;
  const { pool, names, reports } = machine;
  const common = { serial: serialOf(clock), nameServers, hostmaster: `hostmaster.${zone}` };
  const realAddresses = (fqdn: string): readonly string[] | undefined => servers.get(fqdn) ?? reports.addressesOf(fqdn);
  const nameQuestions = new RateLimit(clock, NAME_QUESTIONS);
  const own = coordinatorZone(zone, common, realAddresses, { pool, names, assignments, nameQuestions });
  const zones = [own, ...reverseZones(options.pool, pool, common)];
  return new DnsServer(zones, new RateLimit(clock, UDP_ANSWERS));
}

/** Seconds since 1970 at the start: greater than that of any run before (RFC 1982). */
function serialOf(clock: Clock): number {
  return Math.floor(clock.wallTimeMs() / 1000) >>> 0;
}
