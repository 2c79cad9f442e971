/**
 * The packets of the DC's DNS (RFC 1035, EDNS(0): RFC 6891). Authoritative only: no recursion, no cache.
 * Whatever cannot be read is counted and dropped; an answer is never larger than the asker can take.
 *
 * Sources of UDP may be forged, so answers to one network are limited. Beyond that every other question is answered
 * with its own bytes and TC, so that whoever really asked comes back by TCP, and the rest are dropped (response rate
 * limiting, as BIND and others do it, with a slip of 2).
 */
import dns, { type OptAnswer, type Packet } from 'dns-packet';
import {
  bareAnswer,
  isResponse,
  readQuery,
  readQueryHeader,
  repeatedFlags,
  type Query,
  type QueryHeader,
} from './dns-query';
import { parseIp } from '../../core/wire/ip-text';
import type { RateLimit } from '../rate-limit';
import { answerOf, type Rcode, type Zone, type ZoneAnswer } from './zone';

/** RFC 1035 section 4.2.1. */
const PLAIN_UDP_LIMIT = 512;
/** Fits every path without fragments (DNS flag day 2020). */
const EDNS_UDP_LIMIT = 1232;
const TCP_LIMIT = 65_535;
const EDNS_BADVERS = 16;

const rcodes: Record<Rcode, number> = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };

export type DnsDrop =
  'unreadable' | 'not a query' | 'answer failed' | 'query too long' | 'too many connections' | 'too many questions';

export class DnsServer {
  readonly drops = new Map<DnsDrop, number>();

  private readonly zones: ReadonlyMap<string, Zone>;
  private slips = 0;

  /** `udpAnswers`: by network; without, there is no limit. */
  constructor(
    zones: readonly Zone[],
    private readonly udpAnswers?: RateLimit,
  ) {
    this.zones = new Map(zones.map((zone) => [zone.name, zone]));
  }

  /** The answer's bytes; `undefined` when there is none to give. `source`: of UDP. Never rejects. */
  async answer(bytes: Uint8Array, transport: 'udp' | 'tcp', source?: string): Promise<Uint8Array | undefined> {
    const header = readQueryHeader(bytes);
    if (!header) return this.drop('unreadable');
    if (isResponse(header)) return this.drop('not a query');
    const isLimited = source !== undefined && this.udpAnswers?.take(networkOf(source)) === false;
    if (isLimited && this.slips++ % 2 === 0) return this.drop('too many questions');
    const query = readQuery(bytes, header);
    if (query === 'unreadable') return this.drop(query);
    if (typeof query === 'string') return bareAnswer(header, rcodes[query]);
    if (isLimited) return encodeTruncated(header, query);
    try {
      return encode(header, query, await this.decide(query), transport);
    } catch {
      return this.drop('answer failed');
    }
  }

  drop(reason: DnsDrop): undefined {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }

  private async decide({ question }: Query): Promise<ZoneAnswer> {
    if (question.class !== 'IN') return failure('REFUSED');
    try {
      return await answerOf(this.zones, question);
    } catch {
      return failure('SERVFAIL');
    }
  }
}

function encode(header: QueryHeader, query: Query, answer: ZoneAnswer, transport: 'udp' | 'tcp'): Uint8Array {
  const { question, edns } = query;
  const badVersion = edns !== undefined && edns.ednsVersion !== 0;
  const said = badVersion ? failure('NOERROR') : answer;
  const authoritative = said.authoritative ? dns.AUTHORITATIVE_ANSWER : 0;
  const flags = repeatedFlags(header.flags) | authoritative | rcodes[said.rcode];
  const opt = edns ? [optRecord(badVersion)] : [];
  const response: Packet = {
    type: 'response',
    id: header.id,
    flags,
    questions: [question],
    answers: [...said.answers],
    authorities: [...said.authorities],
    additionals: [...said.additionals, ...opt],
  };
  const limit = transport === 'tcp' ? TCP_LIMIT : udpLimit(edns);
  const whole = dns.encode(response);
  if (whole.length <= limit) return whole;
  // Where name servers are can be asked for (RFC 2181 section 9: TC is for what was asked).
  const withoutGlue = dns.encode({ ...response, additionals: opt });
  if (withoutGlue.length <= limit) return withoutGlue;
  const truncated = { answers: [], authorities: [], additionals: opt, flags: flags | dns.TRUNCATED_RESPONSE };
  return dns.encode({ ...response, ...truncated });
}

/** As long as the question. */
function encodeTruncated({ id, flags }: QueryHeader, { question }: Query): Uint8Array {
  const said = repeatedFlags(flags) | dns.AUTHORITATIVE_ANSWER | dns.TRUNCATED_RESPONSE;
  return dns.encode({ type: 'response', id, flags: said, questions: [question] });
}

/** /24 or /56: what one asker may well have. */
function networkOf(source: string): string {
  const bytes = parseIp(source) ?? new Uint8Array();
  return Buffer.from(bytes.subarray(0, bytes.length === 4 ? 3 : 7)).toString('hex');
}

function udpLimit(edns: OptAnswer | undefined): number {
  if (!edns) return PLAIN_UDP_LIMIT;
  return Math.min(Math.max(edns.udpPayloadSize, PLAIN_UDP_LIMIT), EDNS_UDP_LIMIT);
}

function optRecord(badVersion: boolean): OptAnswer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: EDNS_UDP_LIMIT,
    extendedRcode: badVersion ? EDNS_BADVERS >> 4 : 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
}

function failure(rcode: Rcode): ZoneAnswer {
  return { rcode, authoritative: false, answers: [], authorities: [], additionals: [] };
}
