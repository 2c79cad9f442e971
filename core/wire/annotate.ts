/**
 * Golden datagrams as annotated dumps: each field's bytes, and what they say. It cuts the datagram by the offsets in
 * header.ts and seal.ts, and walks through the CBOR of the body by RFC 8949 section 3, item by item.
 */
import { fixed, type Golden } from './golden';
import { HEADER_LENGTH, Offset } from './header';
import { hex } from './keys';
import { KEY_LENGTH } from './key-length';
import { messages } from './messages';

const BYTES_A_LINE = 24;
const COLUMN = BYTES_A_LINE * 2 + 2;
const NONCE_LENGTH = 24;
const AUTHENTICATOR_LENGTH = 16;

/** One line a field; what is sealed stands there as it is sent, and below it what it opens to. */
export function annotate(golden: Golden): string[] {
  const { datagram, seal, body } = golden;
  const lines = headerOf(golden);
  if (seal === 'none') return lines;
  let at = HEADER_LENGTH;
  const take = (length: number, what: string): void => {
    lines.push(...wrapped(datagram.subarray(at, at + length), what));
    at += length;
  };
  take(NONCE_LENGTH, 'nonce');
  if (seal === 'box') take(KEY_LENGTH, "the sender's public key");
  take(AUTHENTICATOR_LENGTH, 'authenticator (Poly1305)');
  const padding = datagram.length - at - HEADER_LENGTH - body.length;
  const shown = datagram.length - at > 160 ? 2 * BYTES_A_LINE : datagram.length - at;
  take(shown, 'sealed: the header again, the body');
  if (at < datagram.length) lines.push(`... ${datagram.length - at} more bytes`);
  const dump = new CborDump(body);
  dump.item(0);
  lines.push('opened, after the header:', ...dump.lines, ...(padding > 0 ? [`... ${padding} zeros, padding`] : []));
  return lines;
}

function headerOf({ datagram, name, seal, role, response }: Golden): string[] {
  const field = (from: number, to: number, what: string): string[] => wrapped(datagram.subarray(from, to), what);
  const answers = response ? '; answers a request' : '';
  return [
    ...field(Offset.magic, Offset.version, "magic, 'N'"),
    ...field(Offset.version, Offset.flags, 'version'),
    ...field(Offset.flags, Offset.type, `seal: ${seal}; role of the sender: ${role}${answers}`),
    ...field(Offset.type, Offset.transaction, `type: ${messages[name].title}`),
    ...field(Offset.transaction, Offset.keyId, `transaction ${fixed.transaction}`),
    ...field(Offset.keyId, HEADER_LENGTH, seal === 'box' ? "id of the receiver's public key" : 'key id'),
  ];
}

function wrapped(bytes: Uint8Array, what: string): string[] {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += BYTES_A_LINE) rows.push(hex(bytes.subarray(at, at + BYTES_A_LINE)));
  return rows.map((row, i) => (i === 0 ? `${row.padEnd(COLUMN)}${what}` : row));
}

/** CBOR's major types (RFC 8949 section 3.1). */
enum Major {
  unsigned = 0,
  negative = 1,
  bytes = 2,
  text = 3,
  array = 4,
  map = 5,
  tag = 6,
  simple = 7,
}

/** Of what our own encoder wrote: definite lengths, no tags. */
class CborDump {
  readonly lines: string[] = [];
  private readonly view: DataView;
  private at = 0;

  constructor(private readonly cbor: Uint8Array) {
    this.view = new DataView(cbor.buffer, cbor.byteOffset, cbor.byteLength);
  }

  item(depth: number, label = ''): void {
    const from = this.at;
    const initial = this.cbor[this.at++]!;
    const major: Major = initial >> 5;
    const info = initial & 0x1f;
    if (major === Major.simple) return this.put(from, depth, label + this.simple(info));
    const count = this.argument(info);
    switch (major) {
      case Major.unsigned:
        return this.put(from, depth, `${label}${count}`);
      case Major.negative:
        return this.put(from, depth, `${label}${-1 - count}`);
      case Major.bytes:
        this.at += count;
        return this.put(from, depth, `${label}${count} bytes`);
      case Major.text: {
        const text = Buffer.from(this.cbor.subarray(this.at, this.at + count)).toString();
        this.at += count;
        return this.put(from, depth, label + JSON.stringify(text));
      }
      case Major.array:
        this.put(from, depth, `${label}array of ${count}`);
        for (let i = 0; i < count; i++) this.item(depth + 1);
        return;
      case Major.map:
        this.put(from, depth, `${label}map of ${count}`);
        for (let i = 0; i < count; i++) {
          this.item(depth + 1, 'field ');
          this.item(depth + 2);
        }
        return;
      case Major.tag:
        throw new Error('no field of a body has a CBOR tag');
    }
  }

  /** What follows the initial byte: a number, or the length of what follows it (section 3). */
  private argument(info: number): number {
    const { at, view } = this;
    if (info < 24) return info;
    this.at += 2 ** (info - 24);
    if (info === 24) return view.getUint8(at);
    if (info === 25) return view.getUint16(at);
    return info === 26 ? view.getUint32(at) : Number(view.getBigUint64(at));
  }

  /** Section 3.3. */
  private simple(info: number): string {
    if (info < 24) return ['false', 'true', 'null', 'undefined'][info - 20] ?? `simple ${info}`;
    const { at, view } = this;
    this.at += 2 ** (info - 24);
    return String(info === 27 ? view.getFloat64(at) : view.getFloat32(at));
  }

  private put(from: number, depth: number, what: string): void {
    this.lines.push(...wrapped(this.cbor.subarray(from, this.at), `${'  '.repeat(depth)}${what}`));
  }
}
