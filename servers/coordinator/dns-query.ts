/**
 * What a DNS query may look like (RFC 1035 section 4.1, RFC 9619): the header is looked at before the rest is decoded,
 * since its counts and the compression of names let a few bytes ask for much work and long answers.
 */
import dns, { type OptAnswer, type Question as DnsQuestion } from 'dns-packet';

const HEADER_LENGTH = 12;
const RESPONSE_FLAG = 1 << 15;
/** EDNS and a signature; the one authority is an IXFR's. */
const ADDITIONALS_LIMIT = 2;
const AUTHORITIES_LIMIT = 1;

export interface Query {
  readonly question: DnsQuestion;
  readonly edns: OptAnswer | undefined;
}

export type BadQuery = 'NOTIMP' | 'FORMERR' | 'unreadable';

export interface QueryHeader {
  readonly id: number;
  readonly flags: number;
  /** Questions, answers, authorities, additionals. */
  readonly counts: readonly number[];
}

/** `undefined` for what is too short to be a DNS message. */
export function readQueryHeader(bytes: Uint8Array): QueryHeader | undefined {
  if (bytes.length < HEADER_LENGTH) return undefined;
  const [id = 0, flags = 0, ...counts] = [0, 2, 4, 6, 8, 10].map((at) => bufferOf(bytes).readUInt16BE(at));
  return { id, flags, counts };
}

export function isResponse({ flags }: QueryHeader): boolean {
  return (flags & RESPONSE_FLAG) !== 0;
}

/** An answer of the header alone: nothing of the query is repeated. */
export function bareAnswer({ id, flags }: QueryHeader, rcode: number): Uint8Array {
  const bytes = Buffer.alloc(HEADER_LENGTH);
  bytes.writeUInt16BE(id);
  bytes.writeUInt16BE(RESPONSE_FLAG | repeatedFlags(flags) | rcode, 2);
  return bytes;
}

/** Of an answer: the opcode, and whether recursion was desired. */
export function repeatedFlags(flags: number): number {
  return flags & ((0xf << 11) | dns.RECURSION_DESIRED);
}

/** The query; else what it is answered, or `unreadable`. */
export function readQuery(bytes: Uint8Array, { flags, counts }: QueryHeader): Query | BadQuery {
  if (((flags >> 11) & 0xf) !== 0) return 'NOTIMP';
  const [questions = 0, answers = 0, authorities = 0, additionals = 0] = counts;
  if (questions !== 1 || answers > 0 || authorities > AUTHORITIES_LIMIT || additionals > ADDITIONALS_LIMIT) {
    return 'FORMERR';
  }
  try {
    return decode(bufferOf(bytes));
  } catch {
    return 'unreadable';
  }
}

function decode(bytes: Buffer): Query | BadQuery {
  const { questions = [], additionals = [] } = dns.decode(bytes);
  const [question] = questions;
  if (!question || !isRepeatable(questions, bytes)) return 'FORMERR';
  return { question, edns: additionals.find((record): record is OptAnswer => record.type === 'OPT') };
}

/**
 * Answers repeat the question, which the codec holds as text: a compressed name, a label that is not UTF-8 or that has
 * a dot in it would come out as other bytes, and more of them.
 */
function isRepeatable(questions: DnsQuestion[], bytes: Buffer): boolean {
  const repeated = dns.encode({ questions }).subarray(HEADER_LENGTH);
  return repeated.equals(bytes.subarray(HEADER_LENGTH, HEADER_LENGTH + repeated.length));
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
