/** UDP and ICMP of the virtual stack, between two stacks in virtual time. */
import assert from 'node:assert/strict';
import type { UdpFailure, UdpSocket } from '../../../../core/packet/stack/stack-contract';
import type { Stack } from '../../../../core/packet/stack/stack';
import type { Endpoint } from '../../../../core/wire/addresses';
import { aliceAddresses, bobAddresses, Peer, StackPair } from '../../../support/stack-pair';

interface Owner {
  readonly socket: UdpSocket;
  readonly received: { text: string; from: Endpoint; to: string }[];
  readonly failures: UdpFailure[];
  readonly lengths: number[];
}

function open(stack: Stack, address: string, port = 0, ipv6Only = false): Owner {
  const owner: Omit<Owner, 'socket'> = { received: [], failures: [], lengths: [] };
  const socket = stack.openUdp(
    { address, port, ipv6Only },
    {
      received: (bytes, from, to) => {
        owner.lengths.push(bytes.length);
        owner.received.push({ text: Buffer.from(bytes).toString('latin1').slice(0, 40), from, to });
      },
      failed: (reason) => owner.failures.push(reason),
    },
  );
  return { ...owner, socket };
}

function close(pair: StackPair): void {
  pair.alice.close();
  pair.bob.close();
  assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0);
  assert.equal(pair.alice.counters.faults + pair.bob.counters.faults, 0);
}

const families = [
  ['IPv4', aliceAddresses.ipv4, bobAddresses.ipv4],
  ['IPv6', aliceAddresses.ipv6, bobAddresses.ipv6],
] as const;

describe('virtual stack: UDP', () => {
  for (const [family, aliceAddress, bobAddress] of families) {
    it(`${family}: datagram to a socket that listens on both families -> sender, own address and bytes are told`, () => {
      const pair = new StackPair();
      const bob = open(pair.bob, '::', 53);
      const alice = open(pair.alice, aliceAddress);
      assert.equal(alice.socket.send(Buffer.from('who is there?'), { address: bobAddress, port: 53 }), undefined);
      pair.time.advance(10);
      const from = { address: aliceAddress, port: alice.socket.local.port };
      assert.deepEqual(bob.received, [{ text: 'who is there?', from, to: bobAddress }]);
      bob.socket.send(Buffer.from('I am'), from);
      pair.time.advance(10);
      assert.deepEqual(alice.received, [{ text: 'I am', from: { address: bobAddress, port: 53 }, to: aliceAddress }]);
      close(pair);
    });

    for (const length of [0, 1, 1_352, 1_353, 10_000, family === 'IPv4' ? 65_507 : 65_487]) {
      it(`${family}: datagram of ${length} bytes over a path of 1,380 -> arrives whole, in packets that fit`, () => {
        const pair = new StackPair();
        pair.toBob = [];
        const bob = open(pair.bob, '::', 9);
        const alice = open(pair.alice, '::');
        assert.equal(alice.socket.send(Buffer.alloc(length, 'x'), { address: bobAddress, port: 9 }), undefined);
        pair.time.advance(10);
        assert.deepEqual(bob.lengths, [length]);
        assert.ok(pair.toBob.every((packet) => packet.length <= 1_380));
        close(pair);
      });
    }

    it(`${family}: a fragment is lost -> nothing is delivered, and what waits for it is given back; then all is quiet`, () => {
      const pair = new StackPair();
      const bob = open(pair.bob, '::', 9);
      const alice = open(pair.alice, '::');
      let packets = 0;
      pair.lose = () => ++packets === 3;
      const before = pair.bob.liveAllocations;
      alice.socket.send(Buffer.alloc(8_000), { address: bobAddress, port: 9 });
      pair.time.advance(10);
      assert.ok(pair.bob.liveAllocations > before);
      pair.time.advance(20_000);
      assert.equal(pair.bob.liveAllocations, before);
      assert.deepEqual(bob.lengths, []);
      assert.equal(pair.time.pendingCount, 0);
      close(pair);
    });

    it(`${family}: closed port -> a connected socket hears ECONNREFUSED, another does not`, () => {
      const pair = new StackPair();
      const connected = open(pair.alice, '::');
      connected.socket.connect({ address: bobAddress, port: 9 });
      const other = open(pair.alice, '::');
      connected.socket.send(Buffer.from('?'));
      other.socket.send(Buffer.from('?'), { address: bobAddress, port: 9 });
      pair.time.advance(10);
      assert.deepEqual(connected.failures, ['ECONNREFUSED']);
      assert.deepEqual(other.failures, []);
      close(pair);
    });

    it(`${family}: echo request -> the round trip; of an address that nobody has, undefined after five seconds`, async () => {
      const pair = new StackPair({ delayMs: 7 });
      const answered = pair.alice.ping(bobAddress);
      pair.time.advance(20);
      assert.equal(await answered, 14);
      const nowhere = pair.alice.ping(family === 'IPv4' ? '198.18.0.77' : 'fd00::77');
      pair.time.advance(5_000);
      assert.equal(await nowhere, undefined);
      close(pair);
    });
  }

  it('connected socket: datagram of another sender -> not delivered', () => {
    const pair = new StackPair();
    const alice = open(pair.alice, '::', 5_000);
    const bob = open(pair.bob, '::');
    alice.socket.connect({ address: bobAddresses.ipv4, port: 1 });
    bob.socket.send(Buffer.from('not asked for'), { address: aliceAddresses.ipv4, port: 5_000 });
    pair.time.advance(10);
    assert.deepEqual(alice.received, []);
    alice.socket.disconnect();
    bob.socket.send(Buffer.from('now'), { address: aliceAddresses.ipv4, port: 5_000 });
    pair.time.advance(10);
    assert.deepEqual(
      alice.received.map(({ text }) => text),
      ['now'],
    );
    close(pair);
  });

  it('own address -> the node talks to itself', () => {
    const pair = new StackPair();
    const one = open(pair.alice, '0.0.0.0', 1_111);
    const two = open(pair.alice, aliceAddresses.ipv4);
    two.socket.send(Buffer.from('hello me'), { address: aliceAddresses.ipv4, port: 1_111 });
    pair.time.advance(10);
    assert.equal(one.received[0]?.text, 'hello me');
    close(pair);
  });

  it('port in use, foreign address, too long, closed, other family -> the errno that a kernel gives', () => {
    const pair = new StackPair();
    const { socket } = open(pair.alice, '::', 7);
    assert.throws(() => open(pair.alice, '::', 7), { code: 'EADDRINUSE' });
    assert.throws(() => open(pair.alice, '192.0.2.1'), { code: 'EADDRNOTAVAIL' });
    assert.throws(() => open(pair.alice, 'nonsense'), { code: 'EINVAL' });
    const bob = { address: bobAddresses.ipv4, port: 9 };
    assert.equal(socket.send(new Uint8Array(65_508), bob), 'EMSGSIZE');
    assert.equal(socket.send(new Uint8Array(1)), 'EINVAL');
    assert.equal(
      open(pair.alice, '0.0.0.0').socket.send(new Uint8Array(1), { address: bobAddresses.ipv6, port: 9 }),
      'EAFNOSUPPORT',
    );
    socket.close();
    assert.equal(socket.send(new Uint8Array(1), bob), 'EBADF');
    assert.doesNotThrow(() => open(pair.alice, '::', 7));
    close(pair);
  });

  it('5,000 sockets -> each its own port, all given back', () => {
    const pair = new StackPair();
    const ports = new Set<number>();
    for (let i = 0; i < 5_000; i++) ports.add(open(pair.alice, '::').socket.local.port);
    assert.equal(ports.size, 5_000);
    close(pair);
  });
});

/** An ICMP error from bob about a packet that alice sent: the header of the error, then what it quotes. */
function icmpError(quoted: Uint8Array, type: number, code: number, rest = [0, 0, 0, 0]): Uint8Array {
  const body = quoted.subarray(0, 28);
  const packet = Buffer.alloc(20 + 8 + body.length);
  packet.set([0x45, 0, 0, packet.length, 0, 0, 0, 0, 64, 1]);
  packet.set(bobAddresses.ipv4.split('.').map(Number), 12);
  packet.set(aliceAddresses.ipv4.split('.').map(Number), 16);
  packet.set([type, code, 0, 0, ...rest], 20);
  packet.set(body, 28);
  return packet;
}

describe('virtual stack: ICMP errors', () => {
  for (const [code, reason] of [
    [0, 'ENETUNREACH'],
    [1, 'EHOSTUNREACH'],
    [3, 'ECONNREFUSED'],
    [13, 'EHOSTUNREACH'],
  ] as const) {
    it(`TCP is connecting: unreachable, code ${code} -> fails with ${reason} at once`, () => {
      const pair = new StackPair();
      pair.lose = () => true;
      pair.toBob = [];
      const client = new Peer();
      client.attach(pair.alice.connectTcp({ remote: { address: bobAddresses.ipv4, port: 80 } }, client));
      pair.alice.input(icmpError(pair.toBob[0]!, 3, code));
      pair.time.advance(10);
      assert.deepEqual(client.events, [reason]);
      close(pair);
    });
  }

  it('TCP is established: unreachable -> the connection goes on', () => {
    const pair = new StackPair();
    pair.toBob = [];
    const { client, server } = pair.connect();
    client.send(Buffer.from('before'));
    pair.time.advance(20);
    pair.alice.input(icmpError(pair.toBob.at(-1)!, 3, 1));
    client.send(Buffer.from(' and after'));
    pair.time.advance(50);
    assert.equal(server.bytes.toString(), 'before and after');
    assert.deepEqual(client.events, ['connected']);
    close(pair);
  });

  it('TCP is established: fragmentation needed -> what it sends fits from then on', () => {
    const pair = new StackPair();
    pair.toBob = [];
    const { client, server } = pair.connect();
    pair.lose = (packet) => packet.length > 900;
    const bytes = pair.random.bytes(50_000);
    client.send(bytes, { shutdown: true });
    const large = pair.toBob.find((packet) => packet.length > 900)!;
    pair.alice.input(icmpError(large, 3, 4, [0, 0, 900 >> 8, 900 & 0xff]));
    pair.time.runUntil(() => server.seen('ended'), 10_000);
    assert.deepEqual(server.bytes, Buffer.from(bytes));
    close(pair);
  });

  it('errors that quote too little, or another protocol, or nobody of ours -> change nothing', () => {
    const pair = new StackPair();
    const { client } = pair.connect();
    const error = icmpError(new Uint8Array(28).fill(0x45), 3, 3);
    for (let length = 20; length < error.length; length++) {
      const packet = Buffer.from(error.subarray(0, length));
      packet.writeUInt16BE(length, 2);
      pair.alice.input(packet);
    }
    pair.alice.input(error);
    pair.time.advance(100);
    assert.deepEqual(client.events, ['connected']);
    close(pair);
  });
});
