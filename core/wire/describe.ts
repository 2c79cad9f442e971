/** The signalling protocol as Markdown, from the table that the codec uses: PROTOCOL.md is this function's output. */
import type * as v from 'valibot';
import { messages, type MessageName, type MessageSpec, type PaperStep } from './messages';

export function describeProtocol(): string {
  const names = Object.keys(messages) as MessageName[];
  return [...introduction, table(names), '', ...names.flatMap((name) => section(messages[name]))].join('\n');
}

const introduction = [
  '# The signalling protocol',
  '',
  'Generated from `core/wire/messages.ts` by `npm run protocol`; a test holds this file to it.',
  'Names and step numbers are those of the paper (Tanaka et al., "Design of an Application Based IP Mobility Scheme',
  'on Linux Systems"): Figure 4 is the login, Figure 5 the tunnel construction.',
  '',
  '## Datagram',
  '',
  'Over UDP one datagram a message; between node and NS over TCP, each after its length (2 bytes, big endian).',
  'At most 1,200 bytes. The first byte tells signalling (0x4e) from WireGuard (1 to 4) on the same socket.',
  '',
  '| offset | length | field |',
  '| --- | --- | --- |',
  "| 0 | 1 | magic, 0x4e ('N') |",
  '| 1 | 1 | version, 1 |',
  '| 2 | 1 | bits 0-1: seal (0 none, 1 secretbox, 2 box); bit 6: role of the sender; bit 7: answers a request |',
  '| 3 | 1 | message type |',
  '| 4 | 8 | transaction id, big endian, counts up per key and sender |',
  "| 12 | 8 | key id; with a box, the id of the receiver's public key |",
  '| 20 | 24 | nonce, random |',
  "| 44 | 32 | only with a box: the sender's public key |",
  '| 44 or 76 | | secretbox (XSalsa20-Poly1305) of: the first 20 bytes again, then the body in CBOR (RFC 8949) |',
  '',
  'A box is padded to 1,200 bytes, so that no answer to a stranger is larger than its question. The two sides of a key',
  'have the roles 0 and 1; a message of the own role was reflected and is dropped. A request is sent again after 250,',
  '500 and 1,000 ms; a duplicate is answered again from memory. Unknown fields of a body are ignored.',
  '',
  "The tunnel itself is WireGuard's protocol: its handshake initiation is the Tunnel Request (Figure 5 step 17), its",
  'response the Tunnel Response (18), its keepalive the Keep Alive (20); the pre-shared key is the one in the Route',
  'Direction.',
  '',
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
  '## Inside the tunnel',
  '',
  'Packets whose first nibble is 4 or 6 are IP. Those whose first nibble is 0 are control; another WireGuard drops them.',
  'A probe is as long as its length says, zeros at the end, and is not padded further; its answer goes back at once.',
  '',
  '| offset | length | field |',
  '| --- | --- | --- |',
  '| 0 | 1 | 1: path probe; 2: answer |',
  '| 1 | 8 | challenge, random; the answer repeats it |',
  '| 9 | 2 | length of the probe in bytes, big endian; the answer repeats it |',
  '',
  '## Messages',
  '',
];

function table(names: readonly MessageName[]): string {
  const rows = names.map((name) => {
    const { type, title, steps } = messages[name] as MessageSpec;
    return `| ${type} | ${title} | ${steps.map(formatStep).join('; ') || '(not in the paper)'} |`;
  });
  return ['| type | message | steps of the paper |', '| --- | --- | --- |', ...rows].join('\n');
}

function formatStep({ figure, step, from, to }: PaperStep): string {
  return `Figure ${figure} step ${step}, ${from} to ${to}`;
}

function section({ type, title, body }: MessageSpec): string[] {
  const fields = Object.entries((body as unknown as ObjectSchema).entries);
  const rows = fields.map(([field, schema]) => `| \`${field}\` | ${formatSchema(schema)} |`);
  const rendered = rows.length ? ['| field | value |', '| --- | --- |', ...rows] : ['Empty body.'];
  return [`### ${type} ${title}`, '', ...rendered, ''];
}

interface ObjectSchema {
  readonly entries: Record<string, v.GenericSchema>;
}

/** Enough of valibot's schemas for the table; a schema without a rule here shows its type. */
function formatSchema(schema: v.GenericSchema): string {
  const s = schema as unknown as Partial<ObjectSchema> & {
    type: string;
    wrapped?: v.GenericSchema;
    item?: v.GenericSchema;
    options?: string[];
    pipe?: { type: string; requirement?: number; message?: string }[];
    message?: string;
  };
  switch (s.type) {
    case 'object':
      return `{ ${Object.entries(s.entries ?? {})
        .map(([field, inner]) => `\`${field}\`: ${formatSchema(inner)}`)
        .join(', ')} }`;
    case 'array':
      return `${arrayLength(s.pipe)} of ${formatSchema(s.item!)}`;
    case 'nullable':
      return `${formatSchema(s.wrapped!)}, or null`;
    case 'optional':
      return `${formatSchema(s.wrapped!)}, or absent`;
    case 'picklist':
      return `one of ${s.options!.map((option) => `\`${option}\``).join(', ')}`;
    case 'number':
      return `number up to ${requirement(s.pipe, 'max_value')}`;
    case 'string':
      return checkMessage(s.pipe) ?? `text of up to ${requirement(s.pipe, 'max_length')} bytes`;
    case 'custom':
      return (s.message ?? '').replace('must have ', '');
    default:
      return s.type;
  }
}

function arrayLength(pipe: { type: string; requirement?: number }[] | undefined): string {
  const exact = pipe?.some(({ type }) => type === 'length');
  return exact ? requirement(pipe, 'length') : `up to ${requirement(pipe, 'max_length')}`;
}

function requirement(pipe: { type: string; requirement?: number }[] | undefined, type: string): string {
  return (pipe?.find((action) => action.type === type)?.requirement ?? '?').toLocaleString('en');
}

function checkMessage(pipe: { type: string; message?: string }[] | undefined): string | undefined {
  return pipe?.find((action) => action.type === 'check')?.message?.replace('must be ', '');
}
