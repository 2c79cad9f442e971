import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Endpoint } from '../../../core/wire/addresses';
import { readBindingResponse, writeBindingRequest } from '../../../core/wire/stun';
import { StunAnswers } from '../../../servers/relay/stun-answers';
import { SeededRandom, VirtualTime } from '../../support/virtual-time';

const node = { address: '203.0.113.7', port: 4_000 };
const transaction = new SeededRandom(3).bytes(12);
const request = (changePort = false): Uint8Array => writeBindingRequest({ transaction, changePort });

function server(otherPort = true) {
  const time = new VirtualTime();
  const sent: { port: 'usual' | 'other'; to: Endpoint; datagram: Uint8Array }[] = [];
  const by =
    (port: 'usual' | 'other') =>
    (datagram: Uint8Array, to: Endpoint): void =>
      void sent.push({ port, to, datagram });
  const answers = new StunAnswers({
    ...{ clock: time, transmit: by('usual') },
    transmitFromOtherPort: otherPort ? by('other') : undefined,
  });
  return { time, answers, sent, drops: () => Object.fromEntries(answers.drops) };
}

describe('STUN at an RS', () => {
  it('asked -> tells where the request came from', () => {
    const { answers, sent } = server();
    answers.receive(request(), node);
    assert.deepEqual(
      sent.map(({ port, to, datagram }) => ({ port, to, answer: readBindingResponse(datagram) })),
      [{ port: 'usual', to: node, answer: { transaction, mapped: node } }],
    );
  });

  it('asked for another port -> answers from there', () => {
    const { answers, sent } = server();
    answers.receive(request(true), node);
    assert.deepEqual(
      sent.map(({ port }) => port),
      ['other'],
    );
  });

  it('asked to answer at another port -> answers there, of the same address; not where servers of a system are', () => {
    const { answers, sent, drops } = server();
    answers.receive(writeBindingRequest({ transaction, answerTo: 5_000 }), node);
    answers.receive(writeBindingRequest({ transaction, answerTo: 53 }), node);
    assert.deepEqual(
      sent.map(({ to, datagram }) => [to, readBindingResponse(datagram)?.mapped]),
      [[{ ...node, port: 5_000 }, node]],
    );
    assert.deepEqual(drops(), { 'a port of the system': 1 });
  });

  it('has no other port: asked for it -> is silent, and counts it', () => {
    const { answers, sent, drops } = server(false);
    answers.receive(request(true), node);
    assert.equal(sent.length, 0);
    assert.deepEqual(drops(), { 'no other port': 1 });
  });

  it('a request shorter than its answer, or none -> nothing is sent, and it is counted', () => {
    const { answers, sent, drops } = server();
    const bare = request().slice(0, 20);
    bare.set([0, 0], 2);
    answers.receive(bare, node);
    answers.receive(bare, { address: '2001:db8::7', port: 4_000 });
    answers.receive(sentBy(node), node);
    assert.equal(sent.length, 0);
    assert.deepEqual(drops(), { 'shorter than its answer': 2, 'not a binding request': 1 });
  });

  it('one source asks on and on -> is answered as often as a node asks; others as before', () => {
    const { time, answers, sent, drops } = server();
    for (let i = 0; i < 100; i++) answers.receive(request(), { ...node, port: 5_000 + i });
    assert.equal(sent.length, 60);
    assert.deepEqual(drops(), { 'source asks too often': 40 });
    answers.receive(request(), { address: '203.0.113.8', port: 4_000 });
    assert.equal(sent.length, 61);
    time.advance(50);
    answers.receive(request(), node);
    assert.equal(sent.length, 62);
  });

  it('an IPv6 source with a new address each time -> is one source', () => {
    const { answers, sent } = server();
    for (let i = 0; i < 100; i++) answers.receive(request(), { address: `2001:db8:1:2::${i}`, port: 4_000 });
    answers.receive(request(), { address: '2001:db8:1:3::1', port: 4_000 });
    assert.equal(sent.length, 61);
  });

  it('everybody asks at once, or seems to -> as many are answered as the RS can spare', () => {
    const { answers, sent, drops } = server();
    for (let i = 0; i < 5_000; i++) answers.receive(request(), { address: `10.0.${i >> 8}.${i & 255}`, port: 4_000 });
    assert.equal(sent.length, 2_000);
    assert.deepEqual(drops(), { 'too many ask': 3_000 });
  });
});

/** An answer of a server, as one that is thrown back at it. */
function sentBy(to: Endpoint): Uint8Array {
  const { answers, sent } = server();
  answers.receive(request(), to);
  return sent[0]!.datagram;
}
