import assert from 'node:assert/strict';
import { bestCipher, type CipherFactory } from '../../../core/packet/wireguard/cipher';
import { ipv4Packet, TunnelPair } from '../../support/tunnel-pair';

const SEED = 2017;
const STRANGER = { kind: 'direct', endpoint: { address: '203.0.113.9', port: 9 } } as const;

describe('packet module', () => {
  let pair: TunnelPair;
  beforeEach(() => (pair = new TunnelPair(SEED)));
  afterEach(() => {
    pair.close();
    pair.time.advance(100); // what is still on the wire
    assert.equal(pair.time.pendingCount, 0, 'no timer is left after close');
  });

  function establish(): void {
    pair.introduceBoth()[0].requestTunnel();
    pair.time.advance(100);
  }

  function countSent(sender: 'a' | 'b', type: number): number {
    return pair.sent.filter((each) => each.sender === sender && each.datagram[0] === type).length;
  }

  it('response sent, not yet confirmed: the responder has a packet -> waits, and starts no handshake of its own', () => {
    pair.introduceBoth()[0].requestTunnel();
    pair.time.advance(10);
    assert.equal(pair.say(pair.b, 'early'), 'queued');
    assert.equal(countSent('b', 4), 0, 'no transport before the initiator has used the keys');
    pair.time.advance(100);
    assert.deepEqual(pair.a.packets, ['early']);
    assert.equal(countSent('b', 1), 0);
  });

  it('response sent: the initiator never comes back -> the keys are forgotten after 540 s', () => {
    const keys = watchKeys();
    pair.close();
    pair = new TunnelPair(SEED, keys.cipher);
    pair.introduceBoth()[0].requestTunnel();
    pair.time.advance(10);
    pair.a.module.close();
    assert.equal(keys.live(), 2, 'the session that B holds for A, both directions');
    pair.time.advance(540_000);
    assert.equal(keys.live(), 0);
  });

  it('established: close -> every key is overwritten, nothing is sent, nothing answered', () => {
    const keys = watchKeys();
    pair.close();
    pair = new TunnelPair(SEED, keys.cipher);
    establish();
    assert.ok(keys.live() > 0);
    const [a] = pair.introduceBoth();
    pair.close();
    assert.equal(keys.live(), 0);
    const sent = pair.sent.length;
    a.requestTunnel();
    for (const { datagram } of [...pair.sent]) pair.b.module.receive(datagram, STRANGER);
    assert.equal(pair.say(pair.a, 'late'), 'no-tunnel');
    assert.equal(pair.sent.length, sent);
    assert.equal(pair.b.module.drops.size, 0, 'a stranger is not even held any more');
  });

  it('established: the owner removes the tunnel from within an event -> no timer and no key stays', () => {
    const keys = watchKeys();
    for (const kind of ['request-received', 'response-sent', 'established', 'keepalive-received'] as const) {
      pair.close();
      pair = new TunnelPair(SEED, keys.cipher);
      pair.b.onEvent = (event) => {
        if (event.kind === kind) pair.b.module.removeTunnel(pair.a.module.publicKey);
      };
      establish();
      pair.a.module.close();
      assert.equal(pair.time.pendingCount, 0, kind);
      assert.equal(keys.live(), 0, kind);
    }
  });

  it('established: an older packet comes late over the old path -> delivered, the path stays', () => {
    establish();
    const b = pair.introduceAtB();
    const [late] = capture(() => pair.say(pair.a, 'before the move'));
    pair.a.endpoint = { address: '203.0.113.7', port: 777 };
    pair.say(pair.a, 'after the move');
    pair.time.advance(10);
    pair.b.module.receive(late!, STRANGER);
    assert.deepEqual(pair.b.packets, ['after the move', 'before the move']);
    assert.equal(b.path.endpoint.address, '203.0.113.7');
  });

  it('established: a forged datagram from another address -> the path stays', () => {
    establish();
    const b = pair.introduceAtB();
    const [datagram] = capture(() => pair.say(pair.a, 'x'));
    datagram![20]! ^= 1;
    pair.b.module.receive(datagram!, STRANGER);
    assert.equal(b.path.endpoint.address, pair.a.endpoint.address);
    assert.equal(pair.b.module.drops.get('not authentic'), 1);
  });

  it('established: something that is not IP comes -> control for the owner, never a packet for the stack', () => {
    establish();
    const controls: string[] = [];
    pair.b.onControl = (control, tunnel) => controls.push(`${tunnel.fqdn} ${Buffer.from(control).toString('hex')}`) > 0;
    const tunnel = pair.introduceAtA();
    tunnel.send(Uint8Array.of(0x01, 0x02, 0x03));
    tunnel.send(Uint8Array.of(0x50, 0x02, 0x03));
    pair.time.advance(10);
    assert.deepEqual(controls, [`a.test 010203${'00'.repeat(13)}`], 'with the padding of the protocol');
    assert.deepEqual(pair.b.packets, []);
    assert.equal(pair.b.module.drops.get('inner packet'), 1);
  });

  it('established: packets of either IP version -> by their own addresses, without the padding', () => {
    establish();
    const ipv6 = new Uint8Array(40 + 5);
    ipv6.set([0x60, 0, 0, 0, 0, 5]);
    ipv6.set([0xfd, ...new Uint8Array(14), 1], 8);
    ipv6.set([0xfd, ...new Uint8Array(14), 2], 24);
    assert.equal(pair.a.module.encapsulate(ipv6), 'sent');
    pair.time.advance(10);
    assert.equal(pair.b.packets.length, 1);
    ipv6[23] = 9;
    pair.a.module.encapsulate(ipv6);
    pair.time.advance(10);
    assert.equal(pair.b.module.drops.get('foreign source'), 1);
  });

  it('any: packets nobody can carry -> malformed or no tunnel, nothing thrown', () => {
    establish();
    const { encapsulate } = { encapsulate: (packet: Uint8Array) => pair.a.module.encapsulate(packet) };
    assert.equal(encapsulate(new Uint8Array(0)), 'malformed');
    assert.equal(encapsulate(ipv4Packet('198.18.0.1', '198.18.0.2', 'cut').subarray(0, 19)), 'malformed');
    assert.equal(encapsulate(ipv4Packet('198.18.0.1', '198.18.0.77', 'whom?')), 'no-tunnel');
    const jumbo = new Uint8Array(40 + 65_535);
    jumbo.set([0x60, 0, 0, 0, 0xff, 0xff]);
    jumbo.set([0xfd, ...new Uint8Array(14), 2], 24);
    assert.equal(encapsulate(jumbo), 'malformed', 'no UDP datagram holds it');
  });

  it('any: one initiation of a stranger comes a hundred times -> answered once when it is introduced', () => {
    pair.introduceAtA().requestTunnel();
    const { datagram } = pair.sent[0]!;
    for (let port = 1; port <= 100; port++) {
      pair.b.module.receive(datagram, { kind: 'direct', endpoint: { address: '203.0.113.9', port } });
    }
    pair.introduceAtB();
    assert.equal(countSent('b', 2), 1, 'one Tunnel Response, not one for each');
  });

  /** The datagrams that `act` makes A send, which do not arrive. */
  function capture(act: () => void): Uint8Array[] {
    const { meddle } = pair;
    const captured: Uint8Array[] = [];
    pair.meddle = (datagram) => captured.push(datagram);
    act();
    pair.meddle = meddle;
    return captured;
  }
});

/** A cipher that counts the session keys that were not destroyed. */
function watchKeys(): { cipher: CipherFactory; live(): number } {
  let live = 0;
  const cipher: CipherFactory = (key) => {
    const real = bestCipher()(key);
    live++;
    return { ...real, destroy: () => (live--, real.destroy()) };
  };
  return { cipher, live: () => live };
}
