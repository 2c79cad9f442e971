/** Datagrams from anybody to a node that has tunnels: counted, never more answered than asked, and nobody is harmed. */
import assert from 'node:assert/strict';
import type { Path } from '../../core/packet/path';
import { Initiation, MessageType, Response } from '../../core/packet/wireguard/messages';
import { ipv4Packet } from '../support/tunnel-pair';
import { fuzz, seed } from './engine';
import { retained } from './retained';
import { TunnelWorld, type Party } from './tunnel-world';

/** The first byte of an input: how the datagram comes. The datagram follows. */
const How = { fromPeer: 0x01, underLoad: 0x02, later: 0x04 } as const;
/** What any storm may leave: sixteen held requests, one entry for each reason to drop and each source. */
const RETAINED_LIMIT = 80;

describe(`fuzz: tunnel (NTMOBILE_FUZZ_SEED=${seed})`, function () {
  this.timeout(600_000);

  it('tunnels in every phase: datagrams of strangers -> each is counted, no tunnel notices', () =>
    fuzz({
      ...{ name: 'tunnel', runs: 10_000, batch: 250, longest: 1_500 },
      live: () => prepare(new TunnelWorld()).map((datagram) => Uint8Array.of(0, ...datagram)),
      attempt: storm,
    }));
});

function storm(inputs: readonly Uint8Array[]): void {
  const world = new TunnelWorld();
  const { victim, peer, bystander, time } = world;
  const real = new Set(prepare(world).map(meaning));
  const before = retained(victim.module, time);
  let received = 0;
  for (const [how = 0, ...bytes] of inputs) {
    const datagram = Uint8Array.from(bytes);
    victim.underLoad = (how & How.underLoad) !== 0;
    const stranger: Path = { kind: 'direct', endpoint: { address: `203.0.113.${how >> 5}`, port: 1 } };
    const noticed = noticedBy(victim);
    victim.module.receive(datagram, how & How.fromPeer ? peer.path : stranger);
    received += datagram.length;
    const isCookie = datagram[0] === MessageType.cookieReply && real.has(meaning(datagram));
    assert(noticedBy(victim) > noticed || isCookie, 'neither counted nor taken');
    if (how & How.later) time.advance(50);
  }
  victim.underLoad = false;
  assert(world.sentAway <= received, `${received} bytes are answered with ${world.sentAway}`);
  assert(
    retained(victim.module, time) <= before + RETAINED_LIMIT,
    `${retained(victim.module, time) - before} entries were left`,
  );

  time.advance(100);
  assert(talks(world, bystander), 'the bystander is cut off');
  const isForged = !inputs.some((input) => real.has(meaning(input.subarray(1))));
  if (isForged) assert(talks(world, peer), 'the peer is cut off by forged datagrams');
  world.introduce(victim, peer);
  world.introduce(peer, victim).requestTunnel();
  time.advance(1_000);
  assert(talks(world, peer), 'the peer cannot come back');
  world.close();
  assert.equal(time.pendingCount, 0, 'a timer is left');
}

/**
 * Brings the tunnel between peer and victim into every phase at once, and returns what the peer then sends and the
 * victim has not received: packets, an initiation of the peer's, a response and a cookie for the victim's.
 */
function prepare(world: TunnelWorld): Uint8Array[] {
  const { victim, peer } = world;
  const toVictim = world.introduce(peer, victim);
  const toPeer = world.introduce(victim, peer);
  const packet = ipv4Packet(peer.addresses.ipv4, victim.addresses.ipv4, 'captured');
  return world.capture(() => {
    for (let i = 0; i < 3; i++) toVictim.send(packet);
    toVictim.requestTunnel();
    toPeer.requestTunnel();
  });
}

/** The part of a datagram that is authentic: whoever is not under load does not look at mac2. */
function meaning(datagram: Uint8Array): string {
  const least: Record<number, number> = {
    [MessageType.initiation]: Initiation.mac2,
    [MessageType.response]: Response.mac2,
  };
  return Buffer.from(datagram)
    .subarray(0, least[datagram[0] ?? 0])
    .toString('hex');
}

function noticedBy({ module, delivered, events }: Party): number {
  return [...module.drops.values()].reduce((sum, count) => sum + count, 0) + delivered + events;
}

function talks({ victim, time }: TunnelWorld, other: Party): boolean {
  const before = [victim.delivered, other.delivered];
  other.module.encapsulate(ipv4Packet(other.addresses.ipv4, victim.addresses.ipv4, 'there'));
  victim.module.encapsulate(ipv4Packet(victim.addresses.ipv4, other.addresses.ipv4, 'and back'));
  time.advance(100);
  return victim.delivered === before[0]! + 1 && other.delivered === before[1]! + 1;
}
