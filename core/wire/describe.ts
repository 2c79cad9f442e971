/**
 * The signalling protocol as Markdown, from the tables that the codec and the tests use: PROTOCOL.md is this function's
 * output. A new message needs nothing here: its entry in messages.ts and its sample body are all.
 */
import { annotate } from './annotate';
import { REMEMBERED } from './answers';
import { cachedItems } from './describe-cache';
import { chart } from './describe-figures';
import { formatSchema, type ObjectSchema } from './describe-schema';
import { FIRST_RETRY_MS, HINT_GRACE_MS, TRIES, UNSENT_TRIES } from './exchanges';
import { figures } from './figures';
import { fixed, goldenMessages, type Golden, type SampleBodies } from './golden';
import { DATAGRAM_LIMIT } from './header';
import { STREAM_DATAGRAM_LIMIT } from './frames';
import { hex } from './keys';
import type { MessageSpec, PaperStep } from './message-spec';
import { kindOf, messages, type MessageName } from './messages';
import { AT_ONCE_LIMIT, STRANGERS_LIMIT } from './peers';
import { refusals } from './refusals';
import { WINDOW } from './transaction-window';

export function describeProtocol(samples: SampleBodies): string {
  const names = (Object.keys(messages) as MessageName[]).sort((a, b) => messages[a].type - messages[b].type);
  const golden = goldenMessages(samples);
  return [
    ...introduction,
    ...['## Figures 4 to 7', '', ...charts, ...figures.flatMap(chart)],
    ...['## Messages', '', ...table(names), ''],
    ...['### Why requests are refused', '', ...refusalTable(), ''],
    ...['## Bodies', '', ...bodies],
    ...names.flatMap((name) => section(name, golden)),
  ].join('\n');
}

const number = (value: number | bigint): string => value.toLocaleString('en');
const retries = Array.from({ length: TRIES - 1 }, (_, i) => FIRST_RETRY_MS * 2 ** i).map(number);
const patienceMs = FIRST_RETRY_MS * (2 ** TRIES - 1);

const timers = [
  '### Timers and limits',
  '',
  '| what | how much |',
  '| --- | --- |',
  `| a request without an answer is sent again | ${retries.join(', ')} ms after the time before; given up after ${number(patienceMs)} ms. Where somebody else waits, after fewer tries |`,
  `| this host cannot send (no route, interface down) | given up after ${UNSENT_TRIES} tries |`,
  `| a hint that the key is unknown there (Unknown Key) | a true answer may still come for ${HINT_GRACE_MS} ms |`,
  `| a request that comes again | answered from memory, of each sender the last ${REMEMBERED} |`,
  `| transaction ids of a sender | each is taken once; those that are ${WINDOW} behind the highest are too old |`,
  `| messages of one node that are handled at once | ${AT_ONCE_LIMIT}; of a stranger, one; of all strangers ${STRANGERS_LIMIT} |`,
  `| datagram | ${number(DATAGRAM_LIMIT)} bytes |`,
  '| keep alive to the DC | as the Registration Response says |',
  '',
  'What is above a limit, not authentic or malformed is dropped and counted, never answered; but see Unknown Key.',
  '',
];

const charts = [
  'In the charts, MN and CN are the two nodes, each with a DC and an NS of its own, which may be the same. A step begins',
  'when those before it are over, unless what stands below the chart says otherwise: then both may be under way at once.',
  'A test runs each figure with every part on a host of its own and holds the trace (`NTMOBILE_TRACE`, `trace` in the',
  'settings of a server) to these tables, with NS and without.',
  '',
];

const bodies = [
  'Each body is a CBOR map from the names of the fields. The exact bytes are of a golden datagram of each message, which',
  '[test/vectors/messages.json](test/vectors/messages.json) has, too: with the shared key',
  `\`${hex(fixed.sharedKey)}\`,`,
  `the nonce \`${hex(fixed.nonce)}\` and the transaction ${fixed.transaction}; a box is from the secret`,
  `key \`${hex(fixed.sender.secretKey)}\``,
  `to the public key of \`${hex(fixed.receiver.secretKey)}\`.`,
  '',
];

const introduction = [
  '# The signalling protocol',
  '',
  'Generated from `core/wire/messages.ts` by `npm run protocol`; a test holds this file to it.',
  'Names and step numbers are those of the paper (Tanaka et al., "Design of an Application Based IP Mobility Scheme',
  'on Linux Systems"): Figure 4 is the login, Figure 5 the tunnel construction, Figure 6 the communication through the',
  'tunnel, Figure 7 what happens when MN changes its network. [The figures](#figures-4-to-7) are below, with what is',
  'done otherwise here, and why.',
  '',
  '## Datagram',
  '',
  'Over UDP one datagram a message; between node and NS over TCP, each after its length (2 bytes, big endian); and see',
  '[Where no UDP passes](#where-no-udp-passes).',
  'At most 1,200 bytes. The first byte tells signalling (0x4e) from WireGuard (1 to 4) on the same socket.',
  '',
  '| offset | length | field |',
  '| --- | --- | --- |',
  "| 0 | 1 | magic, 0x4e ('N') |",
  '| 1 | 1 | version, 1 |',
  '| 2 | 1 | bits 0-1: seal (0 none, 1 secretbox, 2 box); bit 5: part of a handover; bit 6: role of the sender; bit 7: answers a request |',
  '| 3 | 1 | message type |',
  '| 4 | 8 | transaction id, big endian, counts up per key and sender |',
  "| 12 | 8 | key id; with a box, the id of the receiver's public key |",
  '| 20 | 24 | nonce, random |',
  "| 44 | 32 | only with a box: the sender's public key |",
  '| 44 or 76 | | secretbox (XSalsa20-Poly1305) of: the first 20 bytes again, then the body in CBOR (RFC 8949) |',
  '',
  'A box is padded to 1,200 bytes, so that no answer to a stranger is larger than its question. The two sides of a key',
  'have the roles 0 and 1; a message of the own role was reflected and is dropped. Unknown fields of a body are ignored;',
  'to an unknown version nothing is answered.',
  '',
  "The tunnel itself is WireGuard's protocol: its handshake initiation is the Tunnel Request (Figure 5 step 17), its",
  'response the Tunnel Response (18), its keepalive the Keep Alive (20); the pre-shared key is the one in the Route',
  'Direction.',
  '',
  ...timers,
  '## Through a relay server',
  '',
  'A tunnel that goes through an RS has each of its datagrams in a frame, both ways. The RS reads the path id and',
  'nothing else, and sends the frame as it is to where the other side was when it last bound its side (Relay Bind).',
  'To a frame that it cannot place it answers with a hint, the first ten bytes with magic 0x72; a node that gets one',
  'binds again, and believes only the sealed answer.',
  '',
  '| offset | length | field |',
  '| --- | --- | --- |',
  "| 0 | 1 | magic, 0x52 ('R') |",
  '| 1 | 1 | version, 1 |',
  '| 2 | 8 | path id |',
  '| 10 | | WireGuard datagram |',
  '',
  '## Where no UDP passes',
  '',
  'AS, DC and RS may take datagrams over TLS, from nodes whose network lets no UDP through: the same signalling and relay',
  `frames, both ways, each after its length (2 bytes, big endian, 1 to ${number(STREAM_DATAGRAM_LIMIT)}). A connection that carries anything else is`,
  'closed. What is larger is not sent: probes of a tunnel find an MTU that fits. Neither side looks at certificates, for',
  'what is said is sealed as over UDP; the server name (RFC 6066) is that of the AS, if it has one. A node finds the AS at',
  'the TCP port that NTMOBILE_AS names as `tls`, or else at 443 and at the number of its UDP port; the others by `streams`',
  'of the Login Response and of `relay` in the Route Direction. It sends a request over TLS, too, when the request is sent',
  'again after 700 ms without an answer, under the same transaction. `observed` says with `stream` that a node came so: a',
  'DC then offers no endpoint of it to anybody, and has its tunnels relayed.',
  '',
  'A node with several interfaces sends such a request by the others, too, each from a socket of its own: a server may',
  'hear one transaction from several endpoints, and answers each that comes after it has answered the first. Where its',
  'own interface is not answered, the node registers from the one that is.',
  '',
  'Whether UDP passes again the node asks by a header under a random key id: the server answers it by Unknown Key.',
  '',
  '## Inside the tunnel',
  '',
  'Packets whose first nibble is 4 or 6 are IP. Those whose first nibble is 0 are control; another WireGuard drops them.',
  'A probe is as long as its length says, zeros at the end, and is not padded further; its answer goes back at once, by',
  "the path that it came by. They find a path's MTU and, on the way that the paper's Figure 8 shows for the Tunnel",
  'Request and Response, whether a path works at all: each node sends them to every endpoint that the DC has named of the',
  'other, 0, 20, 60, 140, 300, 620 ms and so on after the tunnel was established by a relay; whoever is answered moves',
  'the tunnel there (steps 1 to 4). Probes move nothing by themselves: a node chooses where it sends.',
  '',
  'A notice is a probe of a node that has changed its network, and is sent on all paths, the one in use first, 0, 20, 60',
  'ms and so on after that, until one is answered. Whoever gets the first one of a move by a direct path sends there from',
  'then on, at once; when it comes by the relay only, 30 ms later. A notice of an earlier move is answered, and no more.',
  '',
  'A call says where an interface of its sender that packets do not leave by is seen from outside. Whoever gets it sends',
  'one probe there from the socket of the path in use, when the address is a public one and the port is 1024 or higher, at',
  'most eight times in ten seconds. That opens its NAT for what its sender then probes by that interface.',
  '',
  '| offset | length | field |',
  '| --- | --- | --- |',
  '| 0 | 1 | 1: path probe; 2: answer; 3: notice; 4: call |',
  '| 1 | 8 | challenge, random; the answer repeats it |',
  '| 9 | 2 | length of the probe in bytes, big endian; the answer repeats it |',
  '| 11 | 4 | of a notice: how often its sender has moved, big endian |',
  '| 11 | 18 | of a call: IPv6 address, or IPv4 address as ::ffff:a.b.c.d (16); port (2, big endian) |',
  '',
  ...cachedItems,
];

function table(names: readonly MessageName[]): string[] {
  const rows = names.map((name) => {
    const { type, title, steps, between }: MessageSpec = messages[name];
    const where = steps.map(formatStep).join('; ') || `(not in the paper)${between ? `, ${between}` : ''}`;
    return `| ${type} | ${title} | ${kindOf(name)} | ${where} |`;
  });
  return [
    'A `request` is sent until it is answered, a `response` answers one, a `oneway` is sent once. `both`: towards CN a',
    'request and its response, towards MN the response to its Direction Request, and a oneway.',
    '',
    '| type | message | kind | steps of the paper |',
    '| --- | --- | --- | --- |',
    ...rows,
  ];
}

const party = (name: PaperStep['from']): string => (name === 'node' ? name : name.toUpperCase());

function formatStep({ figure, step, from, to }: PaperStep): string {
  return `Figure ${figure} step ${step}, ${party(from)} to ${party(to)}`;
}

function refusalTable(): string[] {
  return [
    'Any request may be answered by a Refusal. Its code says what the asker can act on, and nothing that helps a guesser.',
    '',
    '| code | meaning |',
    '| --- | --- |',
    ...Object.entries(refusals).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`),
  ];
}

function section(name: MessageName, golden: readonly Golden[]): string[] {
  const { type, title, body, about, steps, between = '' }: MessageSpec = messages[name];
  const fields = Object.entries((body as unknown as ObjectSchema).entries);
  const rows = fields.map(([field, schema]) => `| \`${field}\` | ${formatSchema(schema)} |`);
  const rendered = rows.length ? ['| field | value |', '| --- | --- |', ...rows] : ['Empty body.'];
  const ways = [...new Set(steps.map(({ from, to }) => `${party(from)} to ${party(to)}`))];
  const who = ways.length > 0 ? ways.join('; ') : between;
  return [
    ...[`### ${type} ${title}`, ''],
    ...[`${[`${kindOf(name)[0]!.toUpperCase()}${kindOf(name).slice(1)}`, who].filter(Boolean).join(', ')}.`, ''],
    ...(about ? [about, ''] : []),
    ...[...rendered, ''],
    ...golden.filter((each) => each.name === name).flatMap(dump),
  ];
}

function dump(golden: Golden): string[] {
  const { seal, datagram } = golden;
  const what = seal === 'none' ? 'unsealed' : `in a ${seal}`;
  return [
    `<details><summary>exact bytes, ${what}: ${number(datagram.length)}</summary>`,
    ...['', '```', ...annotate(golden), '```', ''],
    ...['</details>', ''],
  ];
}
