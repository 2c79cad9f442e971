import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { beforeEach, describe, it } from 'mocha';
import { noTrace } from '../../../core/trace';
import type { Endpoint } from '../../../core/wire/addresses';
import { generateKeyPair, sharedKey } from '../../../core/wire/keys';
import { Seal, writeHeader } from '../../../core/wire/header';
import { messages, type Message } from '../../../core/wire/messages';
import { Refused } from '../../../core/wire/outcomes';
import type { Peer } from '../../../core/wire/peers';
import { Signalling } from '../../../core/wire/signalling';
import { sealBox } from '../../../core/wire/seal';
import { MemoryNetwork, pass, settle } from '../../support/memory-datagrams';
import { ServerWorld } from '../../support/server-world';
import { SimulatedNode } from '../../support/simulated-node';
import { SeededRandom, VirtualTime } from '../../support/virtual-time';

const here: Endpoint = { address: '192.0.2.1', port: 1 };
const there: Endpoint = { address: '192.0.2.2', port: 2 };
const ask: Message = { name: 'directionRequest', body: { target: 'bob.ntm.test' } };

describe('signalling', () => {
  let time: VirtualTime;
  let network: MemoryNetwork;
  let asker: Signalling<Endpoint>;
  let answerer: Signalling<Endpoint>;
  let peer: Peer;
  let handled: number;
  let sent: { datagram: Uint8Array; from: Endpoint }[];

  function party(name: 'node' | 'dc', local: Endpoint): Signalling<Endpoint> {
    const random = new SeededRandom(local.port);
    const transmit = network.attach(local, (datagram, from) => signalling.receive(datagram, from));
    const common = { part: name, clock: time, timers: time, random, trace: noTrace };
    const signalling = new Signalling<Endpoint>({ ...common, party: name, transmit });
    return signalling;
  }

  beforeEach(() => {
    time = new VirtualTime();
    network = new MemoryNetwork(time);
    sent = [];
    network.lose = (datagram, from) => (sent.push({ datagram, from }), false);
    asker = party('node', here);
    answerer = party('dc', there);
    const key = new Uint8Array(32).fill(9);
    peer = asker.addPeer({ key: sharedKey(key, 0), party: 'dc', name: 'dc' });
    answerer.addPeer({ key: sharedKey(key, 1), party: 'node', name: 'alice' });
    handled = 0;
    answerer.handle('directionRequest', () => {
      handled += 1;
      throw new Refused('node-absent', { ipv4: '198.18.0.1', ipv6: 'fd00::1' });
    });
  });

  const request = () => settle(time, asker.request(peer, there, ask));

  it('this host cannot send: two tries -> unanswered, and the reason is told', async () => {
    network.lose = () => true;
    const answer = assert.rejects(asker.request(peer, there, ask), { keyUnknown: false, unsentCode: 'ENETUNREACH' });
    asker.unsent(there, 'ENETUNREACH');
    asker.unsent({ ...there }, 'ENETUNREACH'); // somebody else's, though it looks the same
    await pass(time, 250);
    asker.unsent(there, 'ENETUNREACH');
    await pass(time, 499);
    assert.equal(time.pendingCount, 1);
    await pass(time, 1);
    await answer;
  });

  it('this host could not send at first: then it can -> goes on until answered', async () => {
    const answer = assert.rejects(asker.request(peer, there, ask), { refusal: 'node-absent' });
    network.lose = () => true;
    asker.unsent(there, 'ENETUNREACH');
    await pass(time, 300);
    network.lose = () => false;
    await pass(time, 1_000);
    await answer;
  });

  it('a request waits: hurried again and again -> sent twice a second at most, and its own tries go on', async () => {
    let transmitted = 0;
    network.lose = () => ++transmitted > 0;
    const answer = assert.rejects(asker.request(peer, there, ask), { keyUnknown: false });
    for (let passedMs = 0; passedMs < 3_750; passedMs += 50) {
      asker.hurry(500);
      await pass(time, 50);
    }
    await answer;
    assert.equal(transmitted, 4 + 4, 'at 0, 250, 750, 1,750 by itself; at 1,250, 2,250, 2,750, 3,250 ms hurried');
    assert.equal(time.pendingCount, 0);
  });

  it('requests wait: the peer is given up -> each is unanswered at once', async () => {
    network.lose = () => true;
    const answers = [1, 2].map(() => assert.rejects(asker.request(peer, there, ask), { keyUnknown: false }));
    asker.giveUp(peer);
    await Promise.all(answers);
    assert.equal(time.pendingCount, 0);
  });

  it('a request waits: its signal is aborted -> it rejects with the reason, and is not sent again', async () => {
    network.lose = () => true;
    const controller = new AbortController();
    const { signal } = controller;
    const answer = assert.rejects(asker.request(peer, there, ask, { signal }), /nobody wants it/);
    controller.abort(new Error('nobody wants it'));
    await answer;
    assert.equal(time.pendingCount, 0);
  });

  it('requests with one signal are answered, as the keep alives of a node that stays -> nothing is left at the signal', async () => {
    const { signal } = new AbortController();
    for (let i = 0; i < 3; i++) {
      const answer = settle(time, asker.request(peer, there, ask, { signal }));
      assert.equal(getEventListeners(signal, 'abort').length, 1);
      await assert.rejects(answer, { refusal: 'node-absent' });
      assert.equal(getEventListeners(signal, 'abort').length, 0);
    }
  });

  it('request answered: the request arrives again -> the same answer, handled once', async () => {
    await assert.rejects(request(), { refusal: 'node-absent' });
    const [{ datagram }, answer] = sent as [(typeof sent)[0], (typeof sent)[0]];
    answerer.receive(datagram, here);
    await pass(time, 10);
    assert.equal(handled, 1);
    assert.deepEqual(sent.at(-1)?.datagram, answer.datagram);
  });

  it('70 requests later: the first arrives again -> replayed, not handled, not answered', async () => {
    for (let i = 0; i < 70; i++) await assert.rejects(request());
    const before = sent.length;
    answerer.receive(sent[0]!.datagram, here);
    await pass(time, 10);
    assert.deepEqual([handled, sent.length, answerer.drops.get('replayed')], [70, before, 1]);
  });

  it('request: reflected to its sender -> not authentic', async () => {
    await assert.rejects(request());
    asker.receive(sent[0]!.datagram, there);
    assert.equal(asker.drops.get('not authentic'), 1);
  });

  it('a handler whose answer fits no datagram -> counted, and the next request is handled', async () => {
    answerer.handle('directionRequest', () => {
      handled += 1;
      const endpoints = Array.from({ length: 12 }, () => ({
        address: '2001:db8:1111:2222:3333:4444:5555:6666',
        port: 1,
      }));
      return { name: 'notificationServiceAck', body: { endpoints: [...endpoints, ...endpoints] } };
    });
    await assert.rejects(request(), { message: 'no answer' });
    assert.deepEqual([handled, answerer.drops.get('handler failed')], [1, 1]);
  });

  it('malformed first contacts from many strangers -> dropped, and an honest one is handled', async () => {
    const world = await ServerWorld.start();
    const { as } = world.identities;
    const random = new SeededRandom(77);
    for (let i = 0; i < 200; i++) {
      const meaning = { version: 1, response: false, handover: false, type: 1, transaction: BigInt(i) };
      const box = sealBox(meaning, Uint8Array.of(0xff), generateKeyPair(random), as.publicKey, random);
      world.as.receive(box, here);
    }
    assert.equal(world.as.signalling.drops.get('malformed body'), 200);
    const node = new SimulatedNode(world, 'alice', { address: '192.0.2.77', port: 77 });
    assert.equal((await node.login()).domains.length, 1);
  });

  it('nobody there: requested -> four tries, then unanswered', async () => {
    network.detach(there);
    await assert.rejects(request(), { keyUnknown: false });
    assert.deepEqual([sent.length, time.now()], [4, 3750]);
  });

  it('key unknown there: requested -> unanswered soon, with the hint', async () => {
    answerer.close();
    await assert.rejects(request(), { keyUnknown: true });
    assert(time.now() < 400);
    assert(sent[1]!.datagram.length <= sent[0]!.datagram.length);
  });

  it('nothing requested: a hint that a key is unknown -> counted', () => {
    const hint = {
      version: 1,
      seal: Seal.none,
      role: 0,
      response: false,
      handover: false,
      type: messages.unknownKey.type,
    } as const;
    asker.receive(writeHeader({ ...hint, transaction: 5n, keyId: new Uint8Array(8) }), there);
    assert.equal(asker.drops.get('unexpected answer'), 1);
  });

  it('requesting: closed -> NTM_CLOSED, and no timer is left', async () => {
    network.detach(there);
    const pending = asker.request(peer, there, ask);
    asker.close();
    await assert.rejects(pending, { code: 'NTM_CLOSED' });
    await pass(time, 10);
    assert.equal(time.pendingCount, 0);
  });
});

describe('garbage', () => {
  it('at AS, DC and NS, and flipped bits of true messages -> counted, dropped, and logins go on', async () => {
    const world = await ServerWorld.start();
    const random = new SeededRandom(6);
    world.network.lose = (datagram, from, to) => {
      const flipped = datagram.slice();
      flipped[random.below(flipped.length)]! ^= 1 << random.below(8);
      for (const machine of [world.as, world.dc, world.ns]) {
        machine.receive(flipped, from);
        machine.receive(random.bytes(random.below(1300)), to);
      }
      return false;
    };
    for (let i = 0; i < 20; i++) {
      await new SimulatedNode(world, 'alice', { address: '203.0.113.1', port: 1000 + i }).join();
    }
    for (const machine of [world.as, world.dc, world.ns]) {
      assert((machine.signalling.drops.get('not signalling') ?? 0) > 50);
      assert.equal(machine.signalling.drops.get('handler failed'), undefined);
    }
    assert((world.dc.signalling.drops.get('not authentic') ?? 0) > 0);
  });
});
