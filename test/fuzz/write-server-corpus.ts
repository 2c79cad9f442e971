/** The part of the corpus that is for servers: DNS queries. Part of write-corpus.ts. */
import dns, { type Packet } from 'dns-packet';
import { saveInput } from './corpus';

const edns = { type: 'OPT', name: '.', udpPayloadSize: 65_000, flags: 0, options: [] } as never;
const question = (name: string, type: string, more = {}) => ({ name, type: type as 'A', ...more });
const queries: Record<string, Partial<Packet>> = {
  a: { questions: [question('alice.ntm.test', 'A')] },
  aaaa: { questions: [question('BOB.ntm.test', 'AAAA')], additionals: [edns] },
  any: { questions: [question('dc.ntm.test', 'ANY')] },
  soa: { questions: [question('ntm.test', 'SOA')] },
  ns: { questions: [question('ntm.test', 'NS')], additionals: [edns] },
  axfr: { questions: [question('ntm.test', 'AXFR')] },
  nobody: { questions: [question('nobody.ntm.test', 'A')], flags: 1 << 8 },
  foreign: { questions: [question('example.org', 'A')] },
  chaos: { questions: [question('version.bind', 'TXT', { class: 'CH' })] },
  update: { questions: [question('ntm.test', 'SOA')], flags: 5 << 11 },
};

const encoded = Object.entries(queries).map(([name, query]) => [name, dns.encode({ id: 7, ...query })] as const);
for (const [name, query] of [...encoded, ['many-questions', manyQuestions()] as const]) {
  saveInput('dns', name, query);
  const framed = Buffer.concat([Uint8Array.of(query.length >> 8, query.length), query]);
  saveInput('dns-stream', name, Buffer.concat([Uint8Array.of(20, 1), framed]));
  if (query.length > 1_000) continue;
  saveInput('dns-stream', `${name}-often`, Buffer.concat([Uint8Array.of(255, 0), ...Array<Buffer>(40).fill(framed)]));
}

/** Six bytes a question: the first has a name of 254 bytes, the others point at it. */
function manyQuestions(): Buffer {
  const count = 600;
  const header = Uint8Array.of(0, 7, 0, 0, count >> 8, count & 0xff, 0, 0, 0, 0, 0, 0);
  const name = [1, 2, 3, 4].flatMap((label) => [62 - (label >> 2), ...Array<number>(62 - (label >> 2)).fill(0x61)]);
  const pointers = Array.from({ length: count - 1 }, () => [0xc0, 12, 0, 1, 0, 1]).flat();
  return Buffer.from([...header, ...name, 0, 0, 1, 0, 1, ...pointers]);
}
