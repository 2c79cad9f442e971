/**
 * How many one-way trips follow each other in the construction of a tunnel between two zones, by the link that they go
 * along: from how much longer it takes when a link is a little slower. On virtual time, where computing takes none.
 */
import type { Endpoint } from '../../core/wire/addresses';
import { pass, settle } from './memory-datagrams';
import { WorldNode } from './node-world';
import { OTHER_ZONE, ports, ServerWorld, ZONE } from './server-world';

/** As the paper's Table 5 has them. A DNS trip is a question with its answer, as there. */
export const links = ['MN-DC', 'DNS', 'DC-DC', 'DC-AS', 'DC-NS', 'CN-NS', 'CN-DC', 'MN-CN'] as const;
export type Link = (typeof links)[number];
export type Trips = Readonly<Record<Link, number>>;

export interface TripOptions {
  /** CN has a connection to its NS. */
  readonly withNotification: boolean;
  /** The DCs have met before. */
  readonly met: boolean;
  /** So long ago CN was last heard of. */
  readonly heardAgoMs?: number;
}

const MN = { address: '203.0.113.1', port: 4001 };
const CN = { address: '203.0.113.2', port: 4002 };
const LATENCY_MS = 1;
/** So little that nothing happens in another order for it. */
const SLOWER_MS = 0.001;

export async function tripsOf(options: TripOptions): Promise<Trips> {
  const usual = await constructionMs(options);
  const trips = {} as Record<Link, number>;
  for (const link of links) trips[link] = Math.round(((await constructionMs(options, link)) - usual) / SLOWER_MS);
  return trips;
}

/** MN is of the second zone, CN of the first, since the first can be without NS. */
async function constructionMs({ withNotification, met, heardAgoMs = 0 }: TripOptions, slow?: Link): Promise<number> {
  const world = await ServerWorld.start({ withNotification });
  await world.startSecondZone();
  world.dns.set(`NS ${ZONE}`, [`dc.${ZONE}`]);
  world.dns.set(`A dc.${ZONE}`, [ports.dc.address]);
  const mn = new WorldNode(world, 'dora', MN, 'auto', OTHER_ZONE);
  const cn = new WorldNode(world, 'alice', CN);
  await mn.join();
  await cn.join();
  const other = new WorldNode(world, 'bob', { address: '203.0.113.3', port: 4003 });
  await other.join();
  if (met) await constructed(mn, other);
  await pass(world.time, 1_000 + heardAgoMs);
  const of = (link: Link): number => LATENCY_MS + (link === slow ? SLOWER_MS : 0);
  world.network.latencyMs = (from, to) => of(linkBetween(from, to));
  world.streamLatencyMs = of('CN-NS');
  world.dnsMs = of('DNS');
  const sinceMs = world.time.now();
  await constructed(mn, cn);
  const tookMs = world.time.now() - sinceMs;
  for (const { node } of [mn, cn, other]) node.close();
  world.close();
  return tookMs;
}

async function constructed(from: WorldNode, to: WorldNode): Promise<void> {
  const { time } = from.world;
  const { ipv4 } = await settle(time, from.node.lookup(to.fqdn));
  await settle(time, from.node.reach(ipv4) ?? Promise.resolve());
}

function linkBetween(a: Endpoint, b: Endpoint): Link {
  const parties = [partyOf(a), partyOf(b)];
  const link = links.find((each) => each === parties.join('-') || each === parties.reverse().join('-'));
  if (!link) throw new Error(`nothing goes between ${parties.join(' and ')}`);
  return link;
}

function partyOf({ address, port }: Endpoint): string {
  if (address === MN.address) return 'MN';
  if (address.startsWith('203.')) return 'CN';
  return ['', 'AS', 'DC', 'NS'][port] ?? '';
}
