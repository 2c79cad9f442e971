/**
 * Writes the real inputs of the corpus: `node dist/test/fuzz/write-corpus.js`, after a change of the formats.
 * What is there already and has another name stays, as inputs do that once broke something.
 */
import { writeChunk } from '../../core/wire/cache-frames';
import { encodeCbor } from '../../core/wire/codec';
import { frame } from '../../core/wire/frames';
import { Seal, writeHeader } from '../../core/wire/header';
import { saveInput } from './corpus';
import { Flag, ipPacket, tcpPacket } from './segments';
import './write-server-corpus';

const key = 'ERERERERERERERERERERERERERERERERERERERERERE';
const url = `ntmobile://192.0.2.1:4000/?key=${key}&zone=ntm.test`;

for (const seal of [Seal.none, Seal.secret, Seal.box]) {
  const meaning = {
    version: 1,
    seal,
    handover: seal === Seal.box,
    role: 1,
    response: seal === Seal.none,
    type: seal + 1,
    transaction: 5n,
  } as const;
  saveInput('header', Seal[seal], writeHeader({ ...meaning, keyId: new Uint8Array(8).fill(0xa0) }));
}
const frames = [1, 20, 200].map((length) => frame(new Uint8Array(length).fill(length)));
saveInput('frames', 'one', Buffer.concat([Uint8Array.of(200), frames[1]!]));
saveInput('frames', 'three-in-pieces', Buffer.concat([Uint8Array.of(6), ...frames]));
saveInput('chunk', 'chunk', writeChunk({ transfer: 7, offset: 65_536, bytes: new Uint8Array(40).fill(1) }));
const label = { id: new Uint8Array(16), from: 'alice.ntm.test', to: 'bob.ntm.test', sentMs: 1, expiresMs: 2 };
for (const [name, more] of [
  ['item', { name: 'note', type: 'text/plain' }],
  ['datagram', { udp: { family: 4, sourcePort: 1, destinationPort: 5683 } }],
] as const) {
  const encoded = encodeCbor({ ...label, ...more });
  saveInput('item', name, Buffer.concat([Uint8Array.of(0, encoded.length), encoded, Buffer.from('content')]));
}
saveText('addresses', {
  ipv4: '198.18.0.1',
  ipv6: '2001:db8:0:1:1:1:1:1',
  zeros: 'fd00::1',
  mapped: '::ffff:192.0.2.1',
  zone: 'fe80::1%eth0',
  name: 'Alice.ntm.internal.',
});
saveText('join-url', {
  ipv4: url,
  ipv6: `ntmobile://[2001:db8::1]:1/?key=${key}=`,
  name: url.replace('192.0.2.1', 'as.example'),
});
saveText('settings', {
  settings: JSON.stringify({ as: url, account: 'alice', password: 'p', domains: ['ntm.test'], required: true }),
  lists: JSON.stringify({ as: url, account: 'bob', password: 'p', node: 'w-1', domains: 'a.b,c.d', route: 'relay' }),
  state: JSON.stringify({
    secretKey: Buffer.alloc(32, 1).toString('base64'),
    domains: ['a.b'],
    networks: ['10.0.0.0/8'],
  }),
});

saveText('environment', {
  least: `AS=${url}\nACCOUNT=alice`,
  most: `AS=${url}\nACCOUNT=Bob\nNODE=w-1\nDOMAINS=A.b, c.D.\nLISTEN=virtual\nROUTE=direct\nREQUIRED=1`,
});

/** What an attacker of a connection sends: flags, offsets from the right numbers, options, payload (stack.test.ts). */
const { fin, syn, rst, psh, ack, urg } = Flag;
const sack = [1, 1, 5, 18, ...uint32(0x11223344), ...uint32(0x11223900), ...uint32(0), ...uint32(0xffffffff)];
const synOptions = [2, 4, 5, 80, 4, 2, 1, 3, 3, 7];
const text = [...Buffer.from('hello, there')];
saveSegments({
  data: [ack | psh, 0, 0, [], text],
  'data-later': [ack, 1_000, 0, [], text],
  'data-again': [ack, -6, 0, [], text],
  'data-far': [ack, 0x7fffffff, 0, [], text],
  ack: [ack, 0, 0, [], []],
  'ack-old': [ack, 0, -1_400, sack, []],
  'ack-none': [ack, 0, -8_000, sack, []],
  'ack-future': [ack, 0, 1, [], []],
  'acked-twice': [ack, 0, -8_000, [1, 1, 5, 10, ...uint32(1), ...uint32(2)], []],
  syn: [syn, 0, 0, synOptions, []],
  'syn-data': [syn, 0, 0, synOptions, text],
  'syn-ack': [syn | ack, 0, 0, synOptions, []],
  fin: [fin | ack, 0, 0, [], []],
  'fin-data': [fin | ack | psh, 0, 0, [], text],
  'fin-later': [fin | ack, 500, 0, [], text],
  rst: [rst, 0, 0, [], []],
  'rst-later': [rst | ack, 10, 0, [], []],
  urgent: [ack | urg, 0, 0, [], text],
  everything: [0xff, 0, 0, [8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0], text],
  nothing: [0, 0, 0, [255, 0, 2, 1], text],
  full: [ack, 0, 0, [], new Array<number>(1_300).fill(1)],
});

/** From 198.18.0.2 to 198.18.0.1, or fd00::2 to fd00::1: the tunnel of peer and victim (inner.test.ts). */
for (const [version, from, to] of [
  ['ipv4', '198.18.0.2', '198.18.0.1'],
  ['ipv6', 'fd00::2', 'fd00::1'],
] as const) {
  const save = (name: string, packet: Uint8Array): void => saveInput('inner', `${version}-${name}`, packet);
  const ports = { sourcePort: 4_000, destinationPort: 80, sequence: 1, acknowledgement: 0, window: 0xffff };
  const hello = Buffer.from('hello, there');
  save('syn', tcpPacket(from, to, { ...ports, flags: syn, options: Uint8Array.from(synOptions) }));
  save('data', tcpPacket(from, to, { ...ports, sequence: 2, flags: ack | psh, payload: hello }));
  save('reset', tcpPacket(from, to, { ...ports, destinationPort: 81, flags: rst }));
  save('padded', Buffer.concat([tcpPacket(from, to, { ...ports, flags: syn }), Buffer.alloc(7)]));
  save('udp', ipPacket(from, to, 17, Uint8Array.of(15, 160, 0, 53, 0, 20, 0, 0, ...hello), { checksumAt: 6 }));
  save('unreachable', ipPacket(from, to, version === 'ipv4' ? 1 : 58, Uint8Array.of(version === 'ipv4' ? 3 : 1, 4)));
  const [protocol, type] = version === 'ipv4' ? [1, 8] : [58, 128];
  save('echo', ipPacket(from, to, protocol, Uint8Array.of(type, 0, 0, 0, 0, 1, 0, 1, ...hello), { checksumAt: 2 }));
  save('foreign', tcpPacket(from.replace(/2$/, '3'), to, { ...ports, flags: syn }));
  save('extension', ipPacket(from, to, version === 'ipv4' ? 4 : 0, Uint8Array.of(6, 0, 1, 4, 0, 0, 0, 0, ...hello)));
  save('fragment', fragment(ipPacket(from, to, version === 'ipv4' ? 17 : 44, Uint8Array.of(17, 0, 0, 1, ...hello))));
}
saveInput('inner', 'control', Uint8Array.of(0, 1, 2, 3));
saveInput('inner', 'version-5', Uint8Array.of(0x50, 1, 2, 3));

/** More fragments follow (RFC 791, 3.1); in IPv6 the extension header says so. */
function fragment(packet: Uint8Array): Uint8Array {
  if (packet[0] === 0x45) packet[6] = 0x20;
  return packet;
}

function saveSegments(segments: Record<string, [number, number, number, number[], number[]]>): void {
  for (const [i, [name, [flags, sequence, acknowledgement, options, payload]]] of Object.entries(segments).entries()) {
    const numbers = [...uint32(sequence), ...uint32(acknowledgement), 0xff, 0xff, 0, name === 'urgent' ? 5 : 0];
    saveInput('segments', name, Uint8Array.from([i, 0, flags, ...numbers, options.length, ...options, ...payload]));
  }
}

function uint32(value: number): number[] {
  return [value >>> 24, value >>> 16, value >>> 8, value].map((byte) => byte & 0xff);
}

function saveText(target: string, texts: Record<string, string>): void {
  for (const [name, text] of Object.entries(texts)) saveInput(target, name, Buffer.from(text));
}
