import assert from 'node:assert/strict';
import { aliceAddresses, bobAddresses, Peer, StackPair } from '../../../support/stack-pair';
import { formatIp, parseIp } from '../../../../core/wire/ip-text';

describe('virtual stack: addresses, listeners, input', () => {
  let pair: StackPair;

  beforeEach(() => {
    pair = new StackPair();
  });

  afterEach(() => {
    pair.alice.close();
    pair.bob.close();
    assert.equal(pair.alice.liveAllocations + pair.bob.liveAllocations, 0);
  });

  const listen = (address: string, port: number, ipv6Only = false) =>
    pair.bob.listenTcp({ address, port, backlog: 5, ipv6Only }, () => undefined);
  const throwsCode = (code: string, call: () => unknown) => assert.throws(call, { code });

  it('idle: nothing happens -> no timer, no allocation', () => {
    assert.equal(pair.time.pendingCount, 0);
    assert.equal(pair.alice.liveAllocations, 0);
  });

  it('listening: the same port again -> EADDRINUSE, free again after close', () => {
    const first = listen('::', 80);
    throwsCode('EADDRINUSE', () => listen('0.0.0.0', 80));
    throwsCode('EADDRINUSE', () => listen(bobAddresses.ipv6, 80));
    first.close();
    listen('0.0.0.0', 80);
    listen('::', 80, true);
    assert.notEqual(listen('::', 0).local.port, 0);
  });

  it('listening: an address of nobody here -> EADDRNOTAVAIL; no address at all -> EINVAL', () => {
    throwsCode('EADDRNOTAVAIL', () => listen('198.18.9.9', 80));
    throwsCode('EINVAL', () => listen('bob.example', 80));
  });

  it('unconfigured: connect -> EADDRNOTAVAIL; a listener -> reachable once configured', () => {
    const late = new StackPair({ configured: false });
    const remote = { address: bobAddresses.ipv4, port: 80 };
    throwsCode('EADDRNOTAVAIL', () => late.alice.connectTcp({ remote }, new Peer()));
    const server = new Peer();
    late.bob.listenTcp({ address: '::', port: 80, backlog: 5 }, (connection) => void server.attach(connection));
    late.alice.configure(aliceAddresses, 1280);
    late.bob.configure(bobAddresses, 1280);
    const client = new Peer();
    client.attach(late.alice.connectTcp({ remote }, client));
    late.time.advance(100);
    assert.ok(client.seen('connected') && server.attached);
    late.alice.close();
    late.bob.close();
  });

  it('established: renumbered -> ECONNABORTED, and reachable at the new address', () => {
    const { server } = pair.connect();
    const listener = listen(bobAddresses.ipv4, 80);
    pair.bob.configure({ ipv4: '198.18.0.77', ipv6: 'fd00::77' }, 1380);
    pair.time.advance(100);
    assert.deepEqual(server.events, ['ECONNABORTED']);
    assert.equal(listener.local.address, '198.18.0.77');
    const { client } = pair.connect('fd00::77');
    assert.ok(client.seen('connected'));
  });

  it('listening: backlog of handshakes is full -> further SYNs are not answered', () => {
    let accepted = 0;
    pair.bob.listenTcp({ address: '::', port: 80, backlog: 2 }, (connection) => {
      accepted++;
      new Peer().attach(connection);
    });
    pair.toAlice = [];
    for (let i = 0; i < 5; i++) {
      pair.alice.connectTcp({ remote: { address: bobAddresses.ipv4, port: 80 } }, new Peer());
    }
    pair.time.advance(6);
    assert.equal(pair.toAlice.length, 2);
    pair.time.advance(5000);
    assert.equal(accepted, 5);
  });

  it('any: ICMP echo request -> reply, IPv4 and IPv6', () => {
    pair.toAlice = [];
    pair.bob.input(echoRequest4(aliceAddresses.ipv4, bobAddresses.ipv4));
    pair.bob.input(echoRequest6(aliceAddresses.ipv6, bobAddresses.ipv6));
    const [reply4, reply6] = pair.toAlice;
    assert.equal(reply4?.[20], 0); // RFC 792: echo reply
    assert.equal(reply6?.[40], 129); // RFC 4443, 4.2
    assert.deepEqual([...(reply4?.subarray(24) ?? [])], [0, 7, 0, 1, 1, 2, 3, 4]);
  });

  it('any: garbage, truncated and flipped packets -> dropped or ignored, never thrown', () => {
    const seed = 42;
    pair.toBob = [];
    const { client, server } = pair.connect(bobAddresses.ipv6);
    client.send(Buffer.alloc(20_000));
    pair.time.advance(200);
    const real = pair.toBob.slice();
    for (let i = 0; i < 20_000; i++) {
      const sample = real[pair.random.below(real.length)] ?? new Uint8Array();
      const packet = i % 3 ? sample.slice(0, pair.random.below(sample.length + 1)) : pair.random.bytes(100);
      for (let flips = pair.random.below(4); flips > 0 && packet.length > 0; flips--) {
        packet[pair.random.below(packet.length)] = pair.random.below(256);
      }
      assert.doesNotThrow(() => pair.bob.input(packet), `seed ${seed}, packet ${i}`);
    }
    assert.equal(pair.bob.counters.faults, 0);
    assert.ok(pair.bob.counters.malformed > 1000);
    assert.ok(server.attached);
  });

  it('event: the owner calls anything, closes the stack -> no re-entrance, nothing left', () => {
    const { client, server } = pair.connect();
    server.onReceived = () => pair.bob.close();
    client.send(Buffer.from('bye'));
    pair.time.advance(50);
    assert.equal(pair.bob.liveAllocations, 0);
    assert.deepEqual(client.events, ['connected', 'ECONNRESET']);
  });

  it('established: lwIP fails an assertion -> ECONNABORTED, listeners and addresses live on in a new instance', () => {
    const { server } = pair.connect();
    const late = new Peer();
    pair.bob.listenTcp({ address: '::', port: 80, backlog: 5 }, (connection) => void late.attach(connection));
    assert.throws(() => pair.bob.wasm.pbuf_release(0), /p != NULL/);
    pair.time.advance(1);
    assert.equal(pair.bob.counters.faults, 1);
    assert.match(pair.faults.join(), /^p != NULL/);
    assert.deepEqual(server.events, ['ECONNABORTED']);
    const client = new Peer();
    client.attach(pair.alice.connectTcp({ remote: { address: bobAddresses.ipv6, port: 80 } }, client));
    pair.time.advance(100);
    assert.ok(client.seen('connected') && late.attached);
  });

  it('address text -> bytes -> canonical text', () => {
    const cases = { '::': '::', '::1': '::1', 'FD00:0:0:1::': 'fd00:0:0:1::', '1:0:0:2:0:0:0:3': '1:0:0:2::3' };
    for (const [text, canonical] of Object.entries({ ...cases, '198.18.0.1': '198.18.0.1' })) {
      assert.equal(formatIp(parseIp(text) ?? new Uint8Array()), canonical);
    }
    assert.equal(parseIp('fe80::1%eth0'), undefined);
  });
});

const ECHO = [0, 7, 0, 1, 1, 2, 3, 4]; // identifier, sequence number, payload

function echoRequest4(from: string, to: string): Uint8Array {
  const header = [0x45, 0, 0, 32, 0, 0, 0, 0, 64, 1, 0, 0, ...(parseIp(from) ?? []), ...(parseIp(to) ?? [])];
  return Uint8Array.from([...header, 8, 0, 0, 0, ...ECHO]);
}

function echoRequest6(from: string, to: string): Uint8Array {
  const header = [0x60, 0, 0, 0, 0, 12, 58, 64, ...(parseIp(from) ?? []), ...(parseIp(to) ?? [])];
  return Uint8Array.from([...header, 128, 0, 0, 0, ...ECHO]);
}
