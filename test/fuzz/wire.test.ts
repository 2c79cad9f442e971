/** Every decoder of the wire formats, and of what users write: nothing throws, and what is read is read one way. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../core/config';
import { NtmError } from '../../core/errors';
import { formatJoinUrl, parseJoinUrl } from '../../core/join-url';
import { StateFile } from '../../core/state-dir';
import { readChunk, writeChunk } from '../../core/wire/cache-frames';
import { decodeBody, encodeBody } from '../../core/wire/codec';
import { FrameReader } from '../../core/wire/frames';
import { DATAGRAM_LIMIT, HEADER_LENGTH, readHeader, writeHeader } from '../../core/wire/header';
import { canonicalIp, formatIp, parseIp } from '../../core/wire/ip-text';
import { messageName, messages, type MessageName } from '../../core/wire/messages';
import { generateKeyPair } from '../../core/wire/keys';
import { canonicalName } from '../../core/wire/names';
import { openItem, sealPlain } from '../../core/wire/sealed-item';
import { SeededRandom } from '../support/virtual-time';
import { sampleBodies } from '../support/sample-messages';
import { fuzz, seed, type Target } from './engine';

const names = Object.keys(messages) as MessageName[];
const random = new SeededRandom(21);
const receiver = generateKeyPair(random);
const parties = {
  ...{ sender: generateKeyPair(random), receiverPublicKey: receiver.publicKey, voucher: new Uint8Array(80) },
};

describe(`fuzz: wire (NTMOBILE_FUZZ_SEED=${seed})`, function () {
  this.timeout(600_000);
  let dir: string;
  before(() => (dir = mkdtempSync(join(tmpdir(), 'ntmobile-fuzz-'))));
  after(() => rmSync(dir, { recursive: true }));

  it('header: any bytes -> no header, or one that is written as the same bytes', () =>
    fuzz(
      each('header', 20_000, (bytes) => {
        const header = readHeader(bytes);
        if (header) assert.deepEqual(writeHeader(header), bytes.slice(0, HEADER_LENGTH));
      }),
    ));

  it('body of every message: any bytes -> refused, or a value that survives being written', () =>
    fuzz({
      ...each('body', 30_000, (input) => {
        const name = messageName(input[0] ?? 0) ?? names[(input[0] ?? 0) % names.length]!;
        const message = decodeBody(name, input.subarray(1));
        if (!message) return;
        const written = encodeBody(message.body);
        const again = decodeBody(name, written);
        assert(again && Buffer.compare(encodeBody(again.body), written) === 0, name);
      }),
      live: () =>
        names.map((name) => Buffer.concat([Uint8Array.of(messages[name].type), encodeBody(sampleBodies[name])])),
      tokens: ['address', 'port', 'fqdn', 'key', '__proto__', Uint8Array.of(0xbf), Uint8Array.of(0xff), cborBignum],
    }));

  it('frames: any bytes, in any pieces -> the same datagrams, or broken framing, and nothing kept beyond a frame', () =>
    fuzz(
      each('frames', 20_000, (input) => {
        const [cut = 1, ...bytes] = input;
        const whole = new FrameReader().read(Uint8Array.from(bytes));
        const pieces: Uint8Array[] = [];
        const reader = new FrameReader();
        for (let at = 0; at < bytes.length; at += 1 + cut) {
          const datagrams = reader.read(Uint8Array.from(bytes.slice(at, at + 1 + cut)));
          if (!datagrams) return assert.equal(whole, undefined, 'broken in pieces only');
          pieces.push(...datagrams);
        }
        assert.deepEqual(pieces, whole);
        assert(pieces.every(({ length }) => length > 0 && length <= DATAGRAM_LIMIT));
      }),
    ));

  it('bytes of a cached item: any bytes -> none, or ones that are written as the same', () =>
    fuzz(
      each('chunk', 10_000, (bytes) => {
        const chunk = readChunk(bytes);
        if (chunk) assert.deepEqual(Buffer.from(writeChunk(chunk)), Buffer.from(bytes));
      }),
    ));

  it('sealed item: any bytes, and any plain text of a sender that means ill -> not opened, or a label and a content', () =>
    fuzz({
      ...each('item', 150, (bytes) => {
        assert.equal(typeof openItem(bytes, receiver), 'string');
        const opened = openItem(sealPlain([bytes], parties, random), receiver);
        if (opened === 'damaged') return;
        assert(typeof opened === 'object');
        assert(opened.content.length + 2 <= bytes.length && opened.label.id.length === 16);
      }),
      tokens: ['id', 'from', 'to', 'sentMs', 'expiresMs', 'udp', '__proto__', Uint8Array.of(0xbf)],
    }));

  it('addresses and names: any text -> refused, or one text form', () =>
    fuzz({
      ...each('addresses', 30_000, (input) => {
        const text = Buffer.from(input).toString('latin1');
        const bytes = parseIp(text);
        if (bytes) {
          assert(bytes.length === 4 || bytes.length === 16);
          assert.deepEqual(parseIp(formatIp(bytes)), bytes);
          assert.equal(canonicalIp(canonicalIp(text)), canonicalIp(text));
        }
        canonicalName(text);
      }),
      ...{ tokens: ['::', ':', '.', '%', 'ffff', '255', '0x', '/'], longest: 64 },
    }));

  it('join URL: any text -> NTM_CONFIG, or one that is written and read as the same', () =>
    fuzz({
      ...each('join-url', 10_000, (input) => {
        const url = refusedOr(() => parseJoinUrl(Buffer.from(input).toString()));
        if (url) assert.deepEqual(parseJoinUrl(formatJoinUrl(url)), url);
      }),
      ...{ tokens: ['ntmobile://', 'key=', '&zone=', '[::1]', ':0', '%00', '@', '#'], longest: 300 },
    }));

  it('settings in the environment: any values -> NTM_CONFIG or settings', () =>
    fuzz({
      ...each('environment', 3_000, (input) => {
        const lines = Buffer.from(input).toString().split('\n');
        const values = lines.map((line) => [`NTMOBILE_${line.split('=', 1)[0]}`, line.replace(/^[^=]*=/, '')]);
        const files = { NTMOBILE_CONFIG: '', NTMOBILE_PASSWORD_FILE: '', NTMOBILE_PASSWORD: 'p' };
        const config = refusedOr(() => readConfig({ ...Object.fromEntries(values), ...files }));
        if (!config) return;
        assert.match(config.account, /^[a-z0-9-]{1,63}$/);
        assert(config.domains.every((domain) => domain === domain.toLowerCase() && domain.length > 0));
      }),
      ...{
        tokens: [
          'DOMAINS=',
          '\nALLOW=',
          'a.*:443/udp',
          '*.b:1-9',
          '\nLISTEN=',
          '\nNODE=',
          'ROUTE=relay',
          '\nREQUIRED=1',
          ',',
          '.',
          'İ',
          '%',
        ],
        longest: 600,
      },
    }));

  it('settings file and state file: any bytes -> NTM_CONFIG or settings; a state or none', () => {
    const settings = join(dir, 'settings.json');
    const identity = { accountServerKey: new Uint8Array(32), account: 'alice', node: null };
    const stateFile = new StateFile(dir, identity);
    stateFile.write({ secretKey: new Uint8Array(32), domains: [], networks: [] });
    const state = join(dir, 'alice@66687aadf862bd77.json');
    return fuzz({
      ...each('settings', 4_000, (input) => {
        writeFileSync(settings, input);
        writeFileSync(state, input);
        const config = refusedOr(() => readConfig({ NTMOBILE_CONFIG: settings }));
        if (config) assert(config.account.length <= 63 && config.domains.every((domain) => domain.length > 0));
        const kept = stateFile.read();
        if (kept) assert.equal(kept.secretKey.length, 32);
      }),
      ...{ tokens: ['null', '[]', '{}', '"', '\\u0000', '"__proto__":', '1e999', 'true', '"listen":'], longest: 600 },
    });
  });
});

/** A date's or big number's tag (RFC 8949, 3.4): types that no message has. */
const cborBignum = Uint8Array.of(0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0);

/** For decoders without a state: a world is nothing. */
function each(name: string, runs: number, attempt: (input: Uint8Array) => void): Target {
  return { name, runs, batch: 50, attempt: (inputs) => inputs.forEach(attempt) };
}

function refusedOr<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    assert(error instanceof NtmError && error.code === 'NTM_CONFIG', String(error));
    return undefined;
  }
}
