/** Whatever is sent to the DC's DNS, over UDP and over TCP: answered in what the asker can take, or counted. */
import assert from 'node:assert/strict';
import dns from 'dns-packet';
import { ZONE } from '../support/server-world';
import { Connection, DnsWorld, UNREAD_MARK_BYTES } from './dns-world';
import { fuzz, seed } from './engine';

/** RFC 1035 section 4.2.1, RFC 7766 section 8, and what EDNS may ask for here. */
const PLAIN_LIMIT = 512;
const EDNS_LIMIT = 1232;
/** What may wait for a connection that does not read: the stream's own mark, and one answer above it. */
const UNREAD_LIMIT_BYTES = UNREAD_MARK_BYTES + 512;

const tokens = ['ntm', 'test', 'alice', Uint8Array.of(0xc0, 12), Uint8Array.of(0, 1, 0, 1), Uint8Array.of(0xff, 0xff)];

describe(`fuzz: DNS (NTMOBILE_FUZZ_SEED=${seed})`, function () {
  this.timeout(600_000);

  it('UDP: any bytes -> an answer that fits, or counted', () =>
    fuzz({ ...{ name: 'dns', runs: 5_000, batch: 250, tokens }, attempt: datagrams }));

  it('TCP: any bytes, in any pieces -> every whole query is answered or counted, and nothing piles up', () =>
    fuzz({ ...{ name: 'dns-stream', runs: 600, batch: 60, tokens, longest: 4_200 }, attempt: connections }));
});

async function datagrams(inputs: readonly Uint8Array[]): Promise<void> {
  const world = await DnsWorld.start();
  const answers = inputs.map((query) => world.dns.answer(query, 'udp'));
  const { rcode } = await world.answerTo(`carol.${ZONE}`, 'A');
  assert.notEqual(rcode, 'NXDOMAIN', 'a name that exists is denied, since others were asked for');
  await world.pass(5_000);
  for (const [i, answer] of (await Promise.all(answers)).entries()) if (answer) isAnswer(answer, inputs[i]!);
  const answered = (await Promise.all(answers)).filter(Boolean).length;
  assert.equal(answered + world.dropped, inputs.length, 'neither answered nor counted');
  await world.isWell();
}

function isAnswer(answer: Uint8Array, query: Uint8Array): void {
  const { id, flag_qr, additionals, questions } = dns.decode(Buffer.from(answer));
  assert.deepEqual([id, flag_qr], [Buffer.from(query).readUInt16BE(), true]);
  const limit = additionals?.length ? EDNS_LIMIT : PLAIN_LIMIT;
  assert(answer.length <= limit, `${query.length} bytes are answered with ${answer.length}`);
  const asked = Buffer.from(answer).subarray(12, 12 + (questions?.length ? questionLength(answer) : 0));
  assert(Buffer.from(query).subarray(12).indexOf(asked) === 0, 'the question is not the one that was asked');
}

/** Of a name without pointers, its type and its class. */
function questionLength(answer: Uint8Array): number {
  let at = 12;
  while (answer[at]) at += 1 + answer[at]!;
  return at + 5 - 12;
}

/** An input is how long the pieces are, whether the asker reads, and what it sends. */
async function connections(inputs: readonly Uint8Array[]): Promise<void> {
  const world = await DnsWorld.start();
  for (const [cut = 0, reads = 0, ...bytes] of inputs) {
    const sent = Uint8Array.from(bytes);
    const connection = new Connection(world.dns, reads % 4 > 0);
    const before = world.dropped;
    for (let at = 0; at < sent.length && !connection.destroyed; at += 1 + cut * 16) {
      connection.push(sent.subarray(at, at + 1 + cut * 16));
      if (cut % 8 === 0) await world.pass(1);
    }
    await world.pass();
    assert(connection.writableLength <= UNREAD_LIMIT_BYTES, `${connection.writableLength} bytes wait to be read`);
    const answers = await connection.received();
    await world.pass(5_000);
    const dropped = world.dropped - before;
    assert.equal(connection.destroyed, dropped > 0, 'closed without a reason, or a reason and not closed');
    const said = (await connection.received()).length;
    assert(said + dropped >= Math.min(queriesIn(sent), 1), 'a query is neither answered nor counted');
    if (!connection.destroyed) assert.equal(said, queriesIn(sent), 'not every query is answered');
    for (const answer of answers) assert.equal(dns.decode(answer).flag_qr, true);
    connection.destroy();
  }
  await world.isWell();
}

function queriesIn(stream: Uint8Array): number {
  const bytes = Buffer.from(stream);
  let count = 0;
  for (let at = 0; at + 2 <= bytes.length && at + 2 + bytes.readUInt16BE(at) <= bytes.length; count++) {
    at += 2 + bytes.readUInt16BE(at);
  }
  return count;
}
