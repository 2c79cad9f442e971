import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { Discovery, type DiscoveryOptions } from '../../../core/reach/discovery';
import type { RelayServer } from '../../../core/reach/look';
import type { Reach } from '../../../core/reach/situation';
import { writeBindingResponse } from '../../../core/wire/stun';
import { FakeRouter } from '../../support/fake-router';
import { pass } from '../../support/memory-datagrams';
import { StunWorld } from '../../support/stun-world';

const dc = { address: '192.0.2.1', port: 2 };
const near = { address: '192.0.2.4', port: 4 };
const far = { address: '192.0.2.5', port: 4 };
const near6 = { address: '2001:db8::4', port: 4 };
const NAT = '198.51.100.1';

describe('what a node finds out about itself', () => {
  let world: StunWorld;
  let discovery: Discovery;
  let told: (Reach | undefined)[];
  const relays = (...servers: [name: string, ...at: (typeof near)[]][]): RelayServer[] =>
    servers.map(([name, ...endpoints]) => ({ name, endpoints }));

  beforeEach(() => {
    world = new StunWorld();
    told = [];
    world.server(near, 5);
    world.server(far, 40);
  });
  afterEach(() => {
    discovery.close();
    assert.equal(world.time.pendingCount, 0, 'no timer is left');
  });

  function start(more: Partial<DiscoveryOptions> = {}): void {
    discovery = new Discovery({
      ...{ runtime: world.runtime, trace: () => {}, part: 'node', ports: world.ports, send: world.send },
      onNews: () => told.push(discovery.reach),
      ...more,
    });
    world.receive = (datagram, from) => assert.equal(discovery.receive(datagram, from), true);
  }

  /** It is registered at the DC, which sees it and names relays. */
  async function registered(named: RelayServer[], forMs = 3_000): Promise<void> {
    discovery.observed(dc, world.outsideOf(dc), named);
    await pass(world.time, forMs);
  }

  it('no NAT, two servers: registered -> reached by anybody, seen as it is; the round trips', async () => {
    start();
    await registered(relays(['rs', near], ['rs2', far]));
    const rtts = [
      { name: 'rs', rttMs: 10 },
      { name: 'rs2', rttMs: 80 },
    ];
    assert.deepEqual(told, [{ mapping: 'independent', reachable: true, relays: rtts }]);
  });

  const situations: [string, StunWorld['gateway'], Pick<Reach, 'mapping' | 'reachable'>][] = [
    ['full cone', { outside: NAT, filtering: 'none' }, { mapping: 'independent', reachable: true }],
    ['port restricted', { outside: NAT, filtering: 'address and port' }, { mapping: 'independent', reachable: false }],
    [
      'symmetric',
      { outside: NAT, mapping: 'dependent', filtering: 'address and port' },
      { mapping: 'dependent', reachable: false },
    ],
    ['firewall', { filtering: 'address and port' }, { mapping: 'independent', reachable: false }],
  ];
  for (const [kind, gateway, expected] of situations) {
    it(`${kind}, the DC and one server: registered -> ${JSON.stringify(expected)}`, async () => {
      world.gateway = gateway;
      start();
      await registered(relays(['rs', near]));
      assert.equal(told.length, expected.mapping === 'dependent' ? 2 : 1, 'a dependent mapping at once');
      assert.equal(told[0]!.mapping, expected.mapping);
      const { mapping, reachable, outside } = told.at(-1)!;
      assert.deepEqual({ mapping, reachable }, expected);
      assert.deepEqual(
        outside?.map(({ address }) => address),
        gateway.outside && [gateway.outside],
      );
    });
  }

  it('both IP versions, IPv4 behind a NAT that filters, IPv6 open -> not called reachable: not by everybody', async () => {
    world.gateway = { outside: NAT, filtering: 'address and port' };
    world.host.push({ interfaceName: 'eth0', family: 6, address: '2001:db8:1::2', loopback: false });
    world.server(near6, 5);
    start();
    await registered(relays(['rs', near, near6]));
    assert.equal(told[0]!.reachable, false);
    const found = await discovery.found();
    assert.deepEqual(
      found.look.views.map(({ family, mapped }) => [family, mapped?.address]),
      [
        [4, NAT],
        [6, '2001:db8:1::2'],
      ],
    );
  });

  it('a server is silent -> its round trip is not known; all of them -> no more than the DC sees is told', async () => {
    world.lose = ({ address }) => address === far.address;
    start();
    await registered(relays(['rs', near], ['rs2', far]));
    assert.deepEqual(told[0]!.relays, [{ name: 'rs', rttMs: 10 }]);
    discovery.close();
    world.lose = () => true;
    told = [];
    start();
    await registered(relays(['rs', near]));
    assert.deepEqual(told, [{ mapping: 'independent' }], 'as the DC alone sees it');
  });

  it('every second datagram is lost -> the same is found', async () => {
    let count = 0;
    world.gateway = { outside: NAT, filtering: 'none' };
    world.lose = () => count++ % 2 === 0;
    start();
    await registered(relays(['rs', near]));
    assert.equal(told[0]!.mapping, 'independent');
    assert.equal(told[0]!.reachable, true);
    assert.deepEqual(told[0]!.relays, [{ name: 'rs', rttMs: 10 }]);
  });

  it('a server has no other port -> the node takes itself for hidden', async () => {
    world.server(near, 5, 'none');
    start();
    await registered(relays(['rs', near]));
    assert.equal(told[0]!.reachable, false);
  });

  it('nothing changes for a day, registered again now and then -> a handful of datagrams, told once', async () => {
    start();
    for (let hour = 0; hour < 24; hour++) await registered(relays(['rs', near]), 3_600_000);
    assert(world.sent > 0 && world.sent <= 8, `${world.sent}`);
    assert.equal(told.length, 1);
  });

  it('its NAT starts anew, a keep alive shows it -> it looks and tells again; every minute -> ever more rarely', async () => {
    world.gateway = { outside: NAT, filtering: 'address and port' };
    start();
    await registered(relays(['rs', near]));
    world.restartNat();
    discovery.observed(dc, world.outsideOf(dc));
    await pass(world.time, 20_000);
    assert.deepEqual(
      told.map((reach) => reach?.outside?.[0]?.port),
      [50_000, 50_100],
    );
    for (let minute = 0; minute < 120; minute++) {
      world.restartNat();
      discovery.observed(dc, world.outsideOf(dc));
      await pass(world.time, 60_000);
    }
    assert(told.length < 22, `${told.length}`);
    await pass(world.time, 600_000);
    assert.equal(told.at(-1)?.outside?.[0]?.port, world.outsideOf(dc).port, 'the last is told in the end');
  });

  it('the host moves -> nothing is known until it has looked from there', async () => {
    start();
    await registered(relays(['rs', near]));
    discovery.hostMoved();
    assert.equal(discovery.reach, undefined);
    world.gateway = { outside: NAT, filtering: 'none' };
    await registered(relays(['rs', near]));
    assert.deepEqual(told.at(-1)?.outside, [world.outsideOf(dc)]);
  });

  it('the host moves while it looks -> what was seen of the former network is not told', async () => {
    start();
    discovery.observed(dc, world.outsideOf(dc), relays(['rs', near]));
    await pass(world.time, 7);
    discovery.hostMoved();
    world.gateway = { outside: NAT, filtering: 'none' };
    await registered(relays(['rs', near]));
    assert.deepEqual(
      told.map((reach) => reach?.outside),
      [[world.outsideOf(dc)]],
    );
  });

  it('the host moves while it looks, and nothing passes until it is registered -> it looks then', async () => {
    start();
    discovery.observed(dc, world.outsideOf(dc), relays(['rs', near]));
    await pass(world.time, 7);
    discovery.hostMoved();
    world.lose = () => true;
    await pass(world.time, 5_000);
    world.lose = () => false;
    await registered(relays(['rs', near]));
    assert.deepEqual([told.length, told[0]!.reachable], [1, true]);
  });

  it('a gateway maps a port -> told at once, beside what was seen; not any more -> told', async () => {
    world.gateway = { outside: NAT, filtering: 'address and port' };
    start();
    await registered(relays(['rs', near]));
    const mapped = { address: NAT, port: 777 };
    discovery.setMapped('pcp', [mapped]);
    discovery.setMapped('pcp', [mapped]);
    assert.deepEqual(told.at(-1)?.outside, [mapped, world.outsideOf(dc)]);
    discovery.setMapped('pcp', []);
    assert.deepEqual(
      told.map((reach) => reach?.outside?.length),
      [1, 2, 1],
    );
  });

  it('a router maps a port; the socket is replaced, IPv6 comes -> mapped for those of now; closed -> not told', async () => {
    world.gateway = { outside: NAT, filtering: 'address and port' };
    const router = new FakeRouter(world.time, { speaks: ['pcp'] });
    const { openDatagramPort, ...access } = router.ports();
    const asked: number[] = [];
    const findGateway: typeof access.findGateway = (family) => (asked.push(family), access.findGateway(family));
    const gateway = () => ({ ...access, findGateway });
    const ports = world.ports;
    start({ runtime: { ...world.runtime, openDatagramPort, gateway }, portMapping: 'auto', ports });
    await registered(relays(['rs', near]));
    assert.deepEqual([[...router.mappings], asked], [[[4_000, 4_000]], [4]]);
    assert(told.at(-1)?.outside?.some(({ port }) => port === 4_000));
    const socket = ports[0]!;
    ports.splice(0, 1, { ...socket, local: { address: '', port: 4_001 } }, { ...socket, family: 6 });
    discovery.hostMoved();
    await registered(relays(['rs', near]));
    assert.deepEqual([[...router.mappings], asked], [[[4_001, 4_001]], [4, 4, 6]]);
    const before = told.length;
    discovery.close();
    await pass(world.time, 1_000);
    assert.deepEqual([told.length, router.mappings.size], [before, 0]);
  });

  it('answers that nobody asked for, of another server, and of before -> counted, and not believed', async () => {
    start();
    const answer = writeBindingResponse({ transaction: world.random.bytes(12), mapped: { address: NAT, port: 1 } });
    discovery.receive(answer, near);
    discovery.receive(answer.subarray(0, 24), near);
    assert.equal(discovery.strays, 2);
    world.receive = (datagram) => assert.equal(discovery.receive(datagram, far), true);
    await registered(relays(['rs', near]));
    assert(discovery.strays > 2);
    assert.deepEqual(told, [{ mapping: 'independent' }], 'as the DC alone sees it');
  });

  it('a WireGuard handshake -> left to the tunnels', () => {
    start();
    const initiation = new Uint8Array(148);
    initiation[0] = 1;
    assert.equal(discovery.receive(initiation, near), false);
    assert.equal(discovery.strays, 0);
  });

  it('closed while it looks -> no timer, nothing told', async () => {
    start();
    discovery.observed(dc, world.outsideOf(dc), relays(['rs', near]));
    discovery.close();
    await pass(world.time, 5_000);
    assert.deepEqual(told, []);
  });
});
