/** The host of a node changes its network: what the node tells its DC (Figure 7 steps 3 to 7). */
import assert from 'node:assert/strict';
import type { Membership } from '../../../core/negotiation/membership';
import type { HostAddress } from '../../../core/runtime';
import { FakeServers } from '../../support/fake-servers';
import { openMembership } from '../../support/open-membership';
import { SimulatedNetwork } from '../../support/simulated-network';

describe('membership of a node that moves', () => {
  let network: SimulatedNetwork;
  let servers: FakeServers;
  let membership: Membership;
  let told: string[];

  let addresses: HostAddress[];

  async function start(): Promise<void> {
    const settings = { servers, told, password: () => 'secret' };
    addresses = [host('192.0.2.3', 4)];
    membership = await openMembership({ ...network.host('192.0.2.3', 3), hostAddresses: () => addresses }, settings);
    membership.start();
  }

  const host = (address: string, family: 4 | 6): HostAddress => ({
    ...{ interfaceName: 'sim0', family, address, loopback: false },
  });

  beforeEach(async () => {
    told = [];
    network = new SimulatedNetwork({ latencyMs: 5 });
    servers = new FakeServers(network);
    await servers.start();
  });
  afterEach(async () => {
    membership.close();
    await network.run(10_000);
    assert.equal(network.time.pendingCount, 0, 'no timer is left after close');
  });

  const registrations = (): number => servers.received.filter((each) => each === 'registration').length;

  it('joined: the host moves -> registered anew at once, a keep alive follows, and then it is told', async () => {
    await start();
    await network.run(1_000);
    membership.hostMoved();
    await network.run(11);
    assert.deepEqual(told.slice(2), ['moved']);
    await network.run(1_000);
    assert.deepEqual(servers.received, ['registration', 'keep alive', 'registration', 'keep alive']);
    await network.run(60_000); // keep alives go on at their pace
    assert.equal(servers.received.length, 6);
  });

  it('joined: the host has IPv6 alone afterwards -> it registers where its DC has IPv6, and goes on asking there', async () => {
    servers.alsoAt.push({ address: '2001:db8::2', port: servers.coordinator.port });
    await start();
    await network.run(1_000);
    const asked = new Set<string>();
    network.drop = (_, __, { address }) => !!asked.add(address) && false;
    addresses = [host('2001:db8::3', 6)];
    membership.hostMoved();
    await network.run(1_000);
    assert.deepEqual([...asked], ['2001:db8::2']);
    assert.equal(membership.coordinator()?.endpoint.address, '2001:db8::2');
  });

  it('joined: the host moves again before the answer -> registered again, and told once', async () => {
    await start();
    await network.run(1_000);
    membership.hostMoved();
    await network.run(3);
    membership.hostMoved();
    await network.run(1_000);
    assert.deepEqual(told.slice(2), ['moved']);
    assert.equal(registrations(), 3);
  });

  it('joined: one network swallows the request, and the host moves on -> registered from the next one at once', async () => {
    await start();
    await network.run(1_000);
    network.drop = () => true;
    membership.hostMoved();
    await network.run(100);
    network.drop = () => false;
    membership.hostMoved();
    await network.run(11);
    assert.deepEqual(told.slice(2), ['moved']);
    await network.run(10_000); // the first one is not sent again, nor missed
    assert.deepEqual(told.slice(2), ['moved']);
    assert.equal(registrations(), 2);
  });

  it('joining: the host moves before the DC has answered -> registered again from where it is, then told', async () => {
    await start();
    await network.run(24); // the Registration Request is under way
    membership.hostMoved();
    await network.run(1_000);
    assert.deepEqual(told.slice(1), ['joined alice.ntm.internal', 'moved']);
    assert.equal(registrations(), 2);
  });

  it('joined: the host moves while the DC is silent -> told once it has registered, without a new login', async () => {
    await start();
    await network.run(1_000);
    network.drop = () => true;
    membership.hostMoved();
    await network.run(10_000);
    assert.ok(!told.includes('moved'));
    network.drop = () => false;
    await network.run(20_000);
    assert.equal(told.filter((each) => each === 'moved').length, 1);
    assert.equal(servers.passwords.length, 1);
  });
});
