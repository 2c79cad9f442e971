/**
 * What the DC's DNS says (RFC 1034 section 4.3.2 for one zone without delegations or wildcards): a pure function of the
 * question and the zone's records. dns-server.ts reads and writes the packets.
 *
 *   <zone>                   SOA, NS: dc.<zone> and those of the settings
 *   dc.<zone>, ns.<zone> ..  A or AAAA, real
 *   a node                   A and AAAA, virtual
 *   a name that only has names below it: no data (RFC 8020)
 *   a virtual address, as a name of a reverse zone: PTR
 */
import type { Answer, StringRecordType } from 'dns-packet';
import { labelsBelow } from '../names';
import { canonicalName } from '../../core/wire/names';

/** Nodes keep their addresses, so this may be long; short enough for an operator who moves a zone. */
const TTL_S = 60;
/** A name that does not exist may do so after the next login (RFC 2308 section 5: the SOA's minimum). */
const NEGATIVE_TTL_S = 5;

export interface Records {
  readonly ipv4: readonly string[];
  readonly ipv6: readonly string[];
  readonly pointer?: string;
}

export interface Zone {
  readonly name: string;
  readonly serial: number;
  /** Of the NS records, the primary first. */
  readonly nameServers: readonly string[];
  /** The mailbox of whoever is responsible, as a name. */
  readonly hostmaster: string;
  /** `none`: nothing but names below it. */
  find(fqdn: string): Promise<Records | 'none' | undefined>;
}

export type Rcode = 'NOERROR' | 'NXDOMAIN' | 'REFUSED' | 'NOTIMP' | 'FORMERR' | 'SERVFAIL';

export interface ZoneAnswer {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly answers: readonly Answer[];
  readonly authorities: readonly Answer[];
  readonly additionals: readonly Answer[];
}

export interface Question {
  /** As asked; answers repeat it letter for letter, since resolvers compare case (draft-vixie-dnsext-dns0x20). */
  readonly name: string;
  readonly type: string;
}

/** Of the zone that the name is in. */
export async function answerOf(zones: ReadonlyMap<string, Zone>, question: Question): Promise<ZoneAnswer> {
  const name = canonicalName(question.name);
  for (let at = 0; at >= 0; at = name.indexOf('.', at + 1)) {
    const zone = zones.get(at === 0 ? name : name.slice(at + 1));
    if (zone) return answerQuestion(zone, question);
  }
  return refused;
}

async function answerQuestion(zone: Zone, question: Question): Promise<ZoneAnswer> {
  const name = canonicalName(question.name);
  if (question.type === 'AXFR' || question.type === 'IXFR') return refused;
  if (name === zone.name) return answerApex(zone, question);
  const found = await zone.find(name);
  if (!found) return negative(zone, 'NXDOMAIN');
  const records = found === 'none' ? [] : matching(recordsOf(question.name, found), question.type);
  return records.length > 0 ? positive(records) : negative(zone, 'NOERROR');
}

async function answerApex(zone: Zone, question: Question): Promise<ZoneAnswer> {
  const servers = zone.nameServers.map((data): Answer => ({ type: 'NS', name: question.name, ttl: TTL_S, data }));
  const records = matching([soa(zone, question.name), ...servers], question.type);
  if (records.length === 0) return negative(zone, 'NOERROR');
  return { ...positive(records), additionals: records[0]?.type === 'NS' ? await glueOf(zone) : [] };
}

/** Of the name servers within the zone: nobody else can say where they are. */
async function glueOf(zone: Zone): Promise<Answer[]> {
  const own = zone.nameServers.filter((server) => labelsBelow(zone.name, server));
  const found = await Promise.all(own.map(async (server) => ({ server, at: await zone.find(server) })));
  return found.flatMap(({ server, at }) => (at && at !== 'none' ? recordsOf(server, at) : []));
}

/** ANY gets one set of records (RFC 8482 section 4.1). */
function matching(records: Answer[], type: string): Answer[] {
  const wanted = type === 'ANY' ? records[0]?.type : type;
  return records.filter((record) => record.type === wanted);
}

function recordsOf(name: string, { ipv4, ipv6, pointer }: Records): Answer[] {
  const record = (type: StringRecordType & ('A' | 'AAAA' | 'PTR'), data: string): Answer => {
    return { type, name, ttl: TTL_S, data };
  };
  return [
    ...ipv4.map((address) => record('A', address)),
    ...ipv6.map((address) => record('AAAA', address)),
    ...(pointer === undefined ? [] : [record('PTR', pointer)]),
  ];
}

function soa(zone: Zone, name: string): Answer {
  const data = {
    mname: zone.nameServers[0] ?? zone.name,
    rname: zone.hostmaster,
    serial: zone.serial,
    refresh: 3600,
    retry: 600,
    expire: 86_400,
    minimum: NEGATIVE_TTL_S,
  };
  return { type: 'SOA', name, ttl: NEGATIVE_TTL_S, data };
}

const empty = { authoritative: true, answers: [], authorities: [], additionals: [] };
const refused: ZoneAnswer = { ...empty, rcode: 'REFUSED', authoritative: false };

function positive(answers: Answer[]): ZoneAnswer {
  return { ...empty, rcode: 'NOERROR', answers };
}

function negative(zone: Zone, rcode: 'NOERROR' | 'NXDOMAIN'): ZoneAnswer {
  return { ...empty, rcode, authorities: [soa(zone, zone.name)] };
}
