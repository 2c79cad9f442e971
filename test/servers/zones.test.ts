/** Two DCs of different zones: Figure 5 whole, and what else DCs say to each other. */
import assert from 'node:assert/strict';
import { generateKeyPair, hex } from '../../core/wire/keys';
import type { Message } from '../../core/wire/messages';
import { Signalling } from '../../core/wire/signalling';
import { flush, pass, settle } from '../support/memory-datagrams';
import { WorldNode } from '../support/node-world';
import { OTHER_ZONE, ports, ServerWorld, ZONE } from '../support/server-world';
import { SimulatedNode } from '../support/simulated-node';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 + n });

async function twoZones(options?: { withNotification?: boolean; withRelay?: boolean | 'named' }) {
  const world = await ServerWorld.start(options);
  const other = await world.startSecondZone();
  world.dns.set(`NS ${OTHER_ZONE}`, [`dc.${OTHER_ZONE}`]);
  world.dns.set(`A dc.${OTHER_ZONE}`, [ports.dc2.address]);
  return { world, other };
}

async function twoNodes(options?: Parameters<typeof twoZones>[0]) {
  const { world, other } = await twoZones(options);
  const mn = new SimulatedNode(world, 'alice', at(1));
  const cn = new SimulatedNode(world, 'dora', at(2));
  await mn.join();
  const joined = await cn.join();
  world.trace.length = 0;
  return { world, other, mn, cn, joined };
}

/** In the order in which messages arrive, and DNS is asked. */
const arrivals = (world: ServerWorld, figure = 5): number[] =>
  world.trace
    .filter((event) => event.figure === figure && !('duplicate' in event))
    .filter(({ event }) => event === 'receive' || event === 'ask for name servers')
    .map(({ step }) => step as number);

describe('Figure 5 between two zones', () => {
  it('first direction, CN silent for longer than NATs remember -> all steps of the paper, in their order', async () => {
    const { world, mn, cn } = await twoNodes();
    await pass(world.time, 29_000);
    await mn.keepAlive();
    world.trace.length = 0;
    const towardsMn = await mn.direct(`dora.${OTHER_ZONE}`);
    await pass(world.time, 10);
    assert.deepEqual(arrivals(world), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]);
    const [towardsCn] = cn.directions;
    assert(towardsCn);
    assert.deepEqual([towardsMn.turn, towardsCn.turn], ['await', 'request']);
    assert.deepEqual(towardsMn.presharedKey, towardsCn.presharedKey);
    assert.deepEqual([towardsMn.endpoints, towardsCn.endpoints], [[at(2)], [at(1)]]);
    assert.equal(hex(towardsMn.correspondent.publicKey), hex(cn.keys.publicKey));
    assert.equal(towardsCn.correspondent.fqdn, `alice.${ZONE}`);
    assert.equal(towardsCn.target, undefined);
  });

  it('further directions, CN just heard of -> neither DNS nor a new key, and CN is told (12) while it is woken up (9 to 11)', async () => {
    const { world, mn } = await twoNodes();
    await mn.direct(`dora.${OTHER_ZONE}`);
    await pass(world.time, 10);
    world.trace.length = 0;
    await mn.direct(`dora.${OTHER_ZONE}`);
    await pass(world.time, 10);
    assert.deepEqual(arrivals(world), [2, 6, 7, 8, 9, 12, 10, 13, 11, 14, 15, 16]);
  });

  it('NS of CN silent -> without it, from 12 on', async () => {
    const { world, mn } = await twoNodes({ withNotification: false });
    world.network.lose = (_, __, to) => to.address === ports.ns2.address && to.port === ports.ns2.port;
    await mn.direct(`dora.${OTHER_ZONE}`);
    await pass(world.time, 10);
    assert.deepEqual(
      arrivals(world).filter((step) => step >= 8),
      [8, 12, 13, 14, 15, 16],
    );
  });

  it('a zone that is not delegated: direction -> the AS knows where its DC is', async () => {
    const { world, mn, cn } = await twoNodes();
    world.dns.clear();
    await mn.direct(`dora.${OTHER_ZONE}`);
    assert.equal(cn.directions.length, 1);
  });

  it('the AS has an old address of the DC, its NS record leads to the new one -> found', async () => {
    const { world, mn, cn } = await twoNodes();
    const known = await world.store.coordinators.find(OTHER_ZONE);
    await world.store.coordinators.put({ ...known!, endpoint: { address: '192.0.2.99', port: ports.dc2.port } });
    await mn.direct(`dora.${OTHER_ZONE}`);
    assert.equal(cn.directions.length, 1);
  });

  it('by virtual address, IPv4 and IPv6 -> the same', async () => {
    const { mn, joined } = await twoNodes();
    for (const address of [joined.addresses.ipv4, joined.addresses.ipv6]) {
      const { correspondent } = await mn.direct(address);
      assert.equal(correspondent.fqdn, `dora.${OTHER_ZONE}`);
    }
    assert.deepEqual(joined.addresses, { ipv4: '198.18.32.1', ipv6: 'fd00:1:2:2::1' });
  });

  it('both ask at once, each at its own DC -> one shared key', async () => {
    const { mn, cn } = await twoNodes();
    const [one, other] = await Promise.all([mn.direct(`dora.${OTHER_ZONE}`), cn.direct(`alice.${ZONE}`)]);
    assert.deepEqual(one.presharedKey, other.presharedKey);
  });

  it('CN moved since it was last heard of: woken up -> MN is told of the new endpoint', async () => {
    const { mn, cn } = await twoNodes();
    cn.move(at(9));
    const { endpoints } = await mn.direct(`dora.${OTHER_ZONE}`);
    assert.deepEqual(endpoints, [at(9)]);
  });

  for (const [target, refusal] of [
    [`nobody.${OTHER_ZONE}`, 'no-such-name'],
    [`alice.${OTHER_ZONE}`, 'no-such-name'], // of the other zone
    ['dora.third.test', 'no-such-name'],
    ['198.18.64.1', 'no-such-name'],
  ] as const) {
    it(`${target}: direction -> ${refusal}`, async () => {
      const { mn } = await twoNodes();
      await assert.rejects(mn.direct(target), { refusal });
    });
  }

  it('CN not registered -> node-absent with its addresses; CN vanished -> the same', async () => {
    const { world, mn, cn } = await twoNodes();
    const absent = { refusal: 'node-absent', addresses: { ipv4: '198.18.32.1', ipv6: 'fd00:1:2:2::1' } };
    await pass(world.time, 5_000); // it does not start any more
    cn.vanish();
    await assert.rejects(mn.direct(`dora.${OTHER_ZONE}`), absent);
    await assert.rejects(mn.direct(`dora.${OTHER_ZONE}`), absent);
  });

  it('DC_CN away -> unavailable; back -> found', async () => {
    const { world, mn } = await twoNodes();
    world.network.lose = (_, __, to) => to.address === ports.dc2.address;
    await assert.rejects(mn.direct(`dora.${OTHER_ZONE}`), { refusal: 'unavailable' });
    world.network.lose = () => false;
    await mn.direct(`dora.${OTHER_ZONE}`);
  });

  it('DC_CN forgets its neighbours, as after a restart -> the next direction introduces it anew, and goes through', async () => {
    const { mn, other } = await twoNodes();
    await mn.direct(`dora.${OTHER_ZONE}`);
    (other.dc as any).neighbours.distributed.clear();
    await mn.direct(`dora.${OTHER_ZONE}`);
  });

  for (const lost of [5, 7, 50, 52, 16]) {
    it(`each message of type ${lost} lost once between servers -> directed all the same`, async () => {
      const { world, mn } = await twoNodes();
      const seen = new Set<string>();
      world.network.lose = (datagram, from, to) => {
        if (datagram[3] !== lost || !from.address.startsWith('192.') || !to.address.startsWith('192.')) return false;
        const way = `${from.address} ${to.address}`;
        return !seen.has(way) && seen.add(way).size > 0;
      };
      await mn.direct(`dora.${OTHER_ZONE}`);
    });
  }
});

describe('whoever claims to be a DC', () => {
  const claim = (world: ServerWorld, fqdn: string, publicKey?: Uint8Array): Promise<Message> => {
    const keys = generateKeyPair(world.random);
    const own = at(66);
    const signalling: Signalling<typeof own> = new Signalling<typeof own>({
      ...{ party: 'dc', part: 'mallory', ...world.clockPorts },
      transmit: world.network.attach(own, (datagram, from) => signalling.receive(datagram, from)),
    });
    const pinned = { publicKey: world.identities.dc.publicKey, party: 'dc' as const, name: 'dc' };
    const body = { fqdn, publicKey: publicKey ?? keys.publicKey, key: world.random.bytes(32) };
    const { answer } = signalling.firstContact(ports.dc, { name: 'keyDistribution', body }, keys, pinned);
    return answer;
  };

  const settled = (world: ServerWorld, ...args: [string, Uint8Array?]): Promise<Message> =>
    settle(world.time, claim(world, ...args));

  it("another's name, another's key, a name of no zone -> refused", async () => {
    const { world, other } = await twoZones();
    const { publicKey } = (other.dc as any).options.identity;
    await assert.rejects(settled(world, `dc.${OTHER_ZONE}`), { refusal: 'malformed' });
    await assert.rejects(settled(world, `dc.${OTHER_ZONE}`, publicKey), { refusal: 'malformed' });
    await assert.rejects(settled(world, `dc.${ZONE}`), { refusal: 'malformed' });
    await assert.rejects(settled(world, 'dc.third.test'), { refusal: 'no-such-name' });
    await assert.rejects(settled(world, 'not a name'), { refusal: 'malformed' });
  });

  it('a flood of claims -> the AS is asked a few times a second, and neighbours go on', async () => {
    const { world, mn } = await twoNodes();
    await mn.direct(`dora.${OTHER_ZONE}`);
    world.trace.length = 0;
    for (let i = 0; i < 200; i++) {
      claim(world, `dc.n${i}.test`).catch(() => {});
      await flush();
    }
    await pass(world.time, 1_000);
    const asked = world.trace.filter(({ event, message }) => event === 'receive' && message === 'Coordinator Request');
    assert(asked.length <= 30, `${asked.length} questions`);
    await mn.direct(`dora.${OTHER_ZONE}`);
  });

  it('a node sends what only DCs may -> refused', async () => {
    const { mn } = await twoNodes();
    const from = { fqdn: `alice.${ZONE}`, publicKey: mn.keys.publicKey };
    const asked: Message = { name: 'ntmInformationRequest', body: { target: `bob.${ZONE}`, from } };
    await assert.rejects(mn.ask(asked), { refusal: 'malformed' });
    const { correspondent, ...direction } = await mn.direct(`dora.${OTHER_ZONE}`);
    const body = { ...direction, correspondent, target: `bob.${ZONE}` };
    await assert.rejects(mn.ask({ name: 'routeDirection', body }), { refusal: 'malformed' });
  });
});

describe('nodes of two zones', () => {
  for (const route of ['auto', 'relay'] as const) {
    it(`a program of one connects to one of the other (${route}) -> answered`, async () => {
      const { world } = await twoZones({ withRelay: true });
      const alice = new WorldNode(world, 'alice', at(1), route);
      const dora = new WorldNode(world, 'dora', at(2), 'auto', OTHER_ZONE);
      dora.echo(80);
      await dora.join();
      await alice.join();
      const dialog = await alice.connect(dora, 80);
      dialog.say('hello');
      await pass(world.time, 100);
      assert.equal(dialog.text, 'hello');
      assert.equal(world.rs.paths.forwardedPackets > 0, route === 'relay');
      alice.node.close();
      dora.node.close();
      world.close();
    });
  }
});
