/**
 * The paper's estimate of a tunnel's construction in real networks (4.2): so many one-way trips follow each other along
 * each link (Table 5), each takes what ping says (Tables 6 to 8, whose averages the paper adds up as they are). Ours are
 * counted on virtual time (test/support/trips.ts).
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(import.meta.url);
const { tripsOf } = require(join(import.meta.dirname, '..', 'dist', 'test', 'support', 'trips.js'));

const WIRED_MS = (6.222 + 7.3215) / 2;
const LTE_MS = (59.365 + 63.79) / 2;
const DNS_MS = (12.54 + 12.9) / 2;
/** Nodes are on LTE, servers on wires. */
const delayMs = {
  ...{ 'MN-DC': LTE_MS, 'CN-DC': LTE_MS, 'CN-NS': LTE_MS, 'MN-CN': LTE_MS },
  ...{ 'DC-DC': WIRED_MS, 'DC-NS': WIRED_MS, 'DC-AS': WIRED_MS, DNS: DNS_MS },
};

/** Table 5, direct communication. */
const paper = { 'MN-DC': 2, DNS: 1, 'DC-DC': 6, 'DC-AS': 0, 'DC-NS': 1, 'CN-NS': 1, 'CN-DC': 3, 'MN-CN': 1 };

export async function estimates() {
  const trips = { paper };
  for (const met of [false, true]) {
    for (const [heard, heardAgoMs] of Object.entries({ 'CN just heard of': 0, 'CN silent for a minute': 60_000 })) {
      const name = `${met ? 'the DCs have met' : 'first meeting of the DCs'}, ${heard}`;
      trips[name] = await tripsOf({ met, withNotification: true, heardAgoMs });
    }
  }
  const delays = Object.fromEntries(Object.entries(trips).map(([name, counts]) => [name, estimateMs(counts)]));
  return { trips, delays };
}

function estimateMs(counts) {
  return Object.entries(counts).reduce((sum, [link, n]) => sum + n * delayMs[link], 0);
}
