/** Ports that not everybody may reach: what a peer that may not sees of them, between two stacks in virtual time. */
import assert from 'node:assert/strict';
import type { InboundPolicy, UdpSocket } from '../../../../core/packet/stack/stack-contract';
import type { Stack } from '../../../../core/packet/stack/stack';
import { formatIp } from '../../../../core/wire/ip-text';
import { Flag, readSegment, tcpPacket } from '../../../fuzz/segments';
import { aliceAddresses, bobAddresses, Peer, StackPair } from '../../../support/stack-pair';

class Policy implements InboundPolicy {
  readonly asked: string[] = [];
  readonly refusals: string[] = [];
  constructor(public admitting = false) {}

  admits(...question: Parameters<InboundPolicy['admits']>): boolean {
    this.asked.push(textOf(question));
    return this.admitting;
  }

  refused(...question: Parameters<InboundPolicy['refused']>): void {
    this.refusals.push(textOf(question));
  }
}

function textOf([protocol, bytes, offset, length, port]: Parameters<InboundPolicy['admits']>): string {
  return `${protocol} ${formatIp(bytes.subarray(offset, offset + length))} ${port}`;
}

function close(pair: StackPair): void {
  pair.alice.close();
  pair.bob.close();
  assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0);
  assert.equal(pair.alice.counters.faults + pair.bob.counters.faults, 0);
}

function open(stack: Stack, port = 0): { socket: UdpSocket; received: string[]; failures: string[] } {
  const received: string[] = [];
  const failures: string[] = [];
  const socket = stack.openUdp(
    { address: '::', port },
    {
      received: (bytes) => received.push(Buffer.from(bytes).toString().slice(0, 20)),
      failed: (reason) => failures.push(reason),
    },
  );
  return { socket, received, failures };
}

const families = [
  ['IPv4', aliceAddresses.ipv4, bobAddresses.ipv4],
  ['IPv6', aliceAddresses.ipv6, bobAddresses.ipv6],
] as const;

describe('virtual stack: inbound policy', () => {
  for (const [family, aliceAddress, bobAddress] of families) {
    it(`${family}, a listener that does not admit alice: connect -> ECONNREFUSED, nobody accepted`, () => {
      const policy = new Policy();
      const pair = new StackPair({ inboundOfBob: policy });
      let accepted = 0;
      pair.bob.listenTcp({ address: '::', port: 80, backlog: 9 }, () => accepted++);
      const client = new Peer();
      client.attach(pair.alice.connectTcp({ remote: { address: bobAddress, port: 80 } }, client));
      pair.time.advance(20);
      assert.deepEqual(client.events, ['ECONNREFUSED']);
      assert.deepEqual(policy.refusals, [`tcp ${aliceAddress} 80`]);
      assert.equal(accepted, 0);
      close(pair);
    });

    it(`${family}, a listener that does not admit alice: any segment -> the same bytes as from a closed port`, () => {
      const sets = [Flag.syn, Flag.ack, Flag.fin, Flag.rst, 0];
      const flagSets = sets.flatMap((a) => sets.map((b) => a | b));
      const answersOf = (policy: Policy | undefined): string[] => {
        const pair = new StackPair(policy && { inboundOfBob: policy });
        if (policy) pair.bob.listenTcp({ address: '::', port: 80, backlog: 9 }, () => assert.fail('accepted'));
        pair.toAlice = [];
        for (const flags of flagSets) {
          for (const payload of [new Uint8Array(0), Buffer.from('bytes')]) {
            const ports = { sourcePort: 5_000 + flags, destinationPort: 80 };
            const numbers = { sequence: 0xffff_fffe, acknowledgement: 77, window: 9_000 };
            pair.bob.input(tcpPacket(aliceAddress, bobAddress, { ...ports, ...numbers, flags, payload }));
          }
        }
        const answers = pair.toAlice.map((packet) => Buffer.from(packet).toString('hex'));
        assert.ok(pair.toAlice.every((packet) => readSegment(packet).flags & Flag.rst));
        close(pair);
        return answers;
      };
      const answers = answersOf(new Policy());
      assert.ok(answers.length > 10);
      assert.deepEqual(answers, answersOf(undefined));
    });

    it(`${family}, a socket that does not admit alice: datagrams -> the same bytes as from a closed port`, () => {
      const answersOf = (policy: Policy | undefined): string[] => {
        const pair = new StackPair(policy && { inboundOfBob: policy });
        const bob = policy && open(pair.bob, 53);
        pair.toAlice = [];
        const alice = open(pair.alice, 5_000);
        alice.socket.connect({ address: bobAddress, port: 53 });
        for (const length of [0, 20, 4_000]) alice.socket.send(Buffer.alloc(length, 'x'));
        pair.time.advance(20);
        assert.deepEqual(alice.failures, ['ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED']);
        assert.deepEqual(bob?.received ?? [], []);
        assert.equal(policy?.refusals.length ?? 3, 3);
        const answers = pair.toAlice.map((packet) => Buffer.from(packet).toString('hex'));
        close(pair);
        return answers;
      };
      assert.deepEqual(answersOf(new Policy()), answersOf(undefined));
    });

    it(`${family}, bob's own question: answers from there -> let in; from another port -> refused`, () => {
      const policy = new Policy();
      const pair = new StackPair({ inboundOfBob: policy });
      const server = open(pair.alice, 53);
      const other = open(pair.alice, 54);
      const bob = open(pair.bob);
      bob.socket.send(Buffer.from('?'), {
        address: bobAddress === bobAddresses.ipv4 ? aliceAddress : 'FD00:0::A',
        port: 53,
      });
      pair.time.advance(20);
      const to = { address: bobAddress, port: bob.socket.local.port };
      for (const text of ['one', 'two']) server.socket.send(Buffer.from(text), to);
      other.socket.send(Buffer.from('not asked for'), to);
      pair.time.advance(600_000);
      server.socket.send(Buffer.from('late'), to);
      pair.time.advance(20);
      assert.deepEqual(bob.received, ['one', 'two', 'late']);
      assert.deepEqual(policy.refusals, [`udp ${aliceAddress} ${to.port}`]);
      close(pair);
    });
  }

  it('a listener that admits alice: connect, bytes both ways -> asked once, for the connection', () => {
    const policy = new Policy(true);
    const pair = new StackPair({ inboundOfBob: policy });
    const { client, server } = pair.connect();
    const bytes = pair.random.bytes(200_000);
    client.send(bytes, { shutdown: true });
    pair.time.runUntil(() => server.seen('ended'), 10_000);
    assert.deepEqual(server.bytes, Buffer.from(bytes));
    assert.equal(policy.asked.length, 1);
    assert.deepEqual(policy.refusals, []);
    close(pair);
  });

  it('an established connection: its peer is not admitted any more -> goes on', () => {
    const policy = new Policy(true);
    const pair = new StackPair({ inboundOfBob: policy });
    const { client, server } = pair.connect();
    policy.admitting = false;
    client.send(Buffer.from('still here'));
    pair.time.advance(50);
    assert.equal(server.bytes.toString(), 'still here');
    close(pair);
  });

  it('bob dials alice from a port at which he listens: her answers -> are his connection, which nobody asks about', () => {
    const policy = new Policy();
    const pair = new StackPair({ inboundOfBob: policy });
    const client = new Peer();
    const server = new Peer();
    pair.alice.listenTcp({ address: '::', port: 80, backlog: 9 }, (connection) => void server.attach(connection));
    client.attach(pair.bob.connectTcp({ remote: { address: aliceAddresses.ipv4, port: 80 } }, client));
    pair.time.advance(50);
    assert.deepEqual(client.events, ['connected']);
    assert.deepEqual(policy.asked, []);
    close(pair);
  });

  it('a socket that asked 5,000 endpoints -> the newest may answer, the oldest not; a new socket none', () => {
    const policy = new Policy();
    const pair = new StackPair({ inboundOfBob: policy });
    const bob = open(pair.bob);
    const [oldest, newest] = [open(pair.alice, 10_000), open(pair.alice, 14_999)];
    const to = { address: bobAddresses.ipv4, port: bob.socket.local.port };
    bob.socket.send(Buffer.from('?'), { address: aliceAddresses.ipv4, port: 10_000 });
    pair.time.advance(20);
    oldest.socket.send(Buffer.from('oldest'), to);
    pair.time.advance(20);
    for (let i = 0; i < 5_000; i++)
      bob.socket.send(Buffer.from('?'), { address: aliceAddresses.ipv4, port: 10_000 + i });
    pair.time.advance(20);
    oldest.socket.send(Buffer.from('oldest again'), to);
    newest.socket.send(Buffer.from('newest'), to);
    pair.time.advance(20);
    assert.deepEqual(bob.received, ['oldest', 'newest']);
    bob.socket.close();
    const { received } = open(pair.bob, to.port);
    newest.socket.send(Buffer.from('to the next socket'), to);
    pair.time.advance(20);
    assert.deepEqual(received, []);
    close(pair);
  });
});
