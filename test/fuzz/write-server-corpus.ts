/** The part of the corpus that is for servers: DNS queries, and bodies of messages. Part of write-corpus.ts. */
import dns, { type Packet } from 'dns-packet';
import { encodeBody } from '../../core/wire/codec';
import { writeChunk } from '../../core/wire/cache-frames';
import { Seal, writeHeader } from '../../core/wire/header';
import { messages, type Body, type MessageName } from '../../core/wire/messages';
import { makePathId, RELAY_HEADER_LENGTH, writeRelayHeader } from '../../core/wire/relay-frame';
import { RAW_ROUTE } from './server-routes';
import { sampleBodies } from '../support/sample-messages';
import { LONG_NAME } from './dns-world';
import { saveInput } from './corpus';

type Routed = readonly [route: number, name: MessageName, body?: object];

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
  long: { questions: [question(LONG_NAME, 'A')] },
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

/** What the servers' handlers take: route (server-routes.ts), how (server-storm.ts), type, body. */
const forNodes: Routed[] = [
  [0, 'configurationRequest', { account: 'alice', node: 'w', password: 'right' }],
  [0, 'loginRequest'],
  [1, 'registrationRequest'],
  [1, 'registrationRequest', { endpoints: [], lifetimeMs: 0, route: 'auto' }],
  [1, 'keepAlive'],
  [1, 'directionRequest', { target: 'bob.ntm.test' }],
  [1, 'directionRequest', { target: 'w.alice.ntm.test' }],
  [1, 'directionRequest', { target: 'nobody.ntm.test' }],
  [1, 'directionRequest', { target: '198.18.0.2' }],
  [1, 'routeDirectionAck'],
  [1, 'notificationAck'],
  [2, 'notificationRegistration'],
  [2, 'keepAlive'],
  [3, 'notificationRegistration'],
  [4, 'notificationRegistration'],
  [11, 'configurationRequest', { account: 'alice', node: null, password: 'wrong' }],
  [11, 'configurationRequest', { account: 'mallory', node: null, password: 'guess' }],
  [12, 'registrationRequest'],
  [13, 'notificationServiceRequest'],
  // What only servers may say, or only others.
  [0, 'nameRequest', { fqdn: 'bob.ntm.test' }],
  [1, 'keyDistribution', { ...sampleBodies.keyDistribution, fqdn: 'bob.ntm.test' }],
  [1, 'serverReport', { ...sampleBodies.serverReport, kind: 'ns', load: 0 }],
  [2, 'notificationServiceRequest', { ...sampleBodies.notificationServiceRequest, fqdn: 'bob.ntm.test' }],
  [2, 'notificationRequest', { ...sampleBodies.notificationRequest, fqdn: 'bob.ntm.test' }],
  [1, 'notificationFailure', { fqdn: 'bob.ntm.test' }],
  [12, 'keyDistribution', { ...sampleBodies.keyDistribution, fqdn: 'carol.ntm.test' }],
  [12, 'serverReport', { ...sampleBodies.serverReport, kind: 'ns', load: 0 }],
  [13, 'notificationServiceRequest', { ...sampleBodies.notificationServiceRequest, fqdn: 'carol.ntm.test' }],
  [13, 'notificationRequest', { ...sampleBodies.notificationRequest, fqdn: 'carol.ntm.test' }],
  [1, 'policyDirection'],
  [1, 'policyDirectionAck'],
  [1, 'cacheRequest', {}],
  [1, 'cacheRequest', { target: 'bob.ntm.test' }],
  [1, 'cacheRequest', { target: 'nobody.ntm.test' }],
  [1, 'cacheRequest'],
  [14, 'cacheStoreRequest', { ...sampleBodies.cacheStoreRequest, receiver: 'bob.ntm.test' }],
  [14, 'cacheStoreRequest', { ...sampleBodies.cacheStoreRequest, receiver: 'carol.ntm.test' }],
  [14, 'cacheTakeRequest', { boxes: ['items'] }],
  [14, 'cacheTakeRequest'],
  [14, 'keepAlive'],
  [0, 'joinRequest'],
  [11, 'joinRequest'],
  [11, 'joinRequest', { key: `ntmk-${'0'.repeat(16)}-${'A'.repeat(43)}`, node: null }],
  [1, 'revocation', { ...sampleBodies.revocation, fqdn: 'bob.ntm.test' }],
  [1, 'sessionEnd'],
  [1, 'tunnelEnd', { fqdn: 'bob.ntm.test' }],
  [1, 'tunnelCheck'],
  [1, 'tunnelCheckAck'],
];
const forServers: Routed[] = [
  [0, 'keyDistribution', { ...sampleBodies.keyDistribution, fqdn: 'mallory.ntm.test' }],
  [0, 'keyDistribution', { ...sampleBodies.keyDistribution, fqdn: 'bob.ntm.test' }],
  [1, 'serverReport', { ...sampleBodies.serverReport, kind: 'ns' }],
  [1, 'notificationServiceAck'],
  [1, 'notificationRequestAck'],
  [1, 'notificationFailure', { fqdn: 'bob.ntm.test' }],
  [2, 'serverReport'],
  [3, 'serverReport', { ...sampleBodies.serverReport, kind: 'cs' }],
  [4, 'nameRequest', { fqdn: 'alice.ntm.test' }],
  [4, 'nameRequest', { fqdn: 'nobody.ntm.test' }],
  [4, 'keyDistributionAck'],
  [5, 'notificationServiceRequest', { ...sampleBodies.notificationServiceRequest, fqdn: 'mallory.ntm.test' }],
  [5, 'notificationServiceRequest', { ...sampleBodies.notificationServiceRequest, fqdn: 'bob.ntm.test' }],
  [5, 'notificationRequest', { notificationId: new Uint8Array(8), fqdn: 'bob.ntm.test' }],
  [8, 'registrationRequest'],
  [8, 'directionRequest', { target: 'carol.ntm.test' }],
  [9, 'notificationRegistration'],
  [6, 'relayDirection'],
  [6, 'relayDirection', { ...sampleBodies.relayDirection, keys: [new Uint8Array(32), new Uint8Array(32)] }],
  [10, 'relayBind'],
  [10, 'relayRelease'],
  [2, 'relayDirectionAck'],
  [6, 'relayWithdrawal'],
  [6, 'relayWithdrawal', { fqdn: 'example' }],
  [2, 'relayWithdrawalAck'],
  [7, 'cacheServiceRequest'],
  [7, 'cacheServiceRequest', { ...sampleBodies.cacheServiceRequest, fqdn: 'bob.ntm.test', receiver: 'alice.ntm.test' }],
  [3, 'cacheServiceAck'],
  [8, 'cacheRequest', {}],
  [11, 'cacheStoreRequest', { ...sampleBodies.cacheStoreRequest, receiver: 'bob.b.example' }],
  [11, 'cacheTakeRequest', { boxes: ['items'] }],
  [0, 'revocation', { ...sampleBodies.revocation, fqdn: 'mallory.ntm.test' }],
  [0, 'revocation', { ...sampleBodies.revocation, fqdn: 'ntm.test' }],
  [0, 'tunnelCheckAck'],
  [4, 'tunnelCheck'],
  [4, 'revocationAck'],
];

for (const [target, routed] of [
  ['nodes', forNodes],
  ['servers', forServers],
] as const) {
  for (const [i, [route, name, body = sampleBodies[name]]] of routed.entries()) {
    const how = /Ack$/.test(name) ? 0x09 : 0x04;
    const input = Buffer.concat([
      Uint8Array.of(route, how, messages[name].type),
      encodeBody(body as Body<MessageName>),
    ]);
    saveInput(target, `${String(i).padStart(2, '0')}-${name}`, input);
  }
}

/** Of a path that may be there, and one that cannot. */
for (const slot of [0, 0xffffff]) {
  const frame = new Uint8Array(74);
  writeRelayHeader(frame, makePathId(slot, Uint8Array.of(1, 2, 3, 4)));
  frame[RELAY_HEADER_LENGTH] = 4;
  saveInput('nodes', `relay-frame-${slot}`, Buffer.concat([Uint8Array.of(RAW_ROUTE + 3, 0, 0), frame]));
}

/** A hint about a request that nobody made. */
const hint = {
  version: 1,
  seal: Seal.none,
  role: 0,
  response: false,
  handover: false,
  type: messages.unknownKey.type,
} as const;
const notice = writeHeader({ ...hint, transaction: 5n, keyId: new Uint8Array(8).fill(0xa0) });
for (const route of [0, 1, 2, 3, 4, 5].map((n) => n + RAW_ROUTE)) {
  saveInput('nodes', `hint-${route}`, Buffer.concat([Uint8Array.of(route, 0, 0), notice]));
}

/** Bytes of the item that a Cache Store Request announces, behind it. */
const store = { ...sampleBodies.cacheStoreRequest, receiver: 'bob.ntm.test' };
for (const offset of [0, 5]) {
  const chunk = writeChunk({ transfer: store.transfer, offset, bytes: new Uint8Array(500) });
  saveInput('nodes', `chunk-${offset}`, Buffer.concat([Uint8Array.of(15, 0, 0), chunk]));
}
