import assert from 'node:assert/strict';
import type { NtmError } from '../../../core/errors';
import { Membership } from '../../../core/negotiation/membership';
import type { DatagramPort } from '../../../core/runtime';
import { noTrace } from '../../../core/trace';
import type { Endpoint } from '../../../core/wire/addresses';
import { Signalling } from '../../../core/wire/signalling';
import { FakeServers } from '../../support/fake-servers';
import { SimulatedNetwork } from '../../support/simulated-network';

describe('membership', () => {
  let network: SimulatedNetwork;
  let servers: FakeServers;
  let membership: Membership;
  let port: DatagramPort;
  let told: string[];

  async function start(accountServerKey?: Uint8Array): Promise<void> {
    const runtime = network.host('192.0.2.3', 3);
    const { clock, timers, random } = runtime;
    port = await runtime.openDatagramPort({
      family: 4,
      onDatagram: (datagram, from) => signalling.receive(datagram, from),
      onSendError: () => {},
    });
    const signalling: Signalling<Endpoint> = new Signalling<Endpoint>({
      ...{ party: 'node', part: 'node', clock, timers, random, trace: noTrace },
      transmit: (datagram, to) => port.send(datagram, to),
    });
    membership = new Membership({
      ...{ runtime, trace: noTrace, part: 'node', signalling },
      accountServer: {
        host: servers.accountServer.address,
        port: servers.accountServer.port,
        publicKey: accountServerKey ?? servers.identity.publicKey,
      },
      ...{ account: 'alice', node: null, password: 'secret', publicKey: new Uint8Array(32), route: 'auto' },
      hostEndpoints: () => [port.local],
      onConfiguration: ({ fqdn }) => told.push(`configured ${fqdn}`),
      onJoined: (fqdn) => told.push(`joined ${fqdn}`),
      onFailed: (error) => told.push(`failed ${(error as NtmError).code}`),
      onNotification: () => told.push('notified'),
    });
    membership.start();
  }

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

  it('joining: AS and DC answer -> joined after three round trips, keep alives follow', async () => {
    await start();
    await network.run(30);
    assert.deepEqual(told, ['configured alice.ntm.internal', 'joined alice.ntm.internal']);
    await network.run(60_000);
    assert.deepEqual(servers.received, ['registration', 'keep alive', 'keep alive', 'keep alive']);
  });

  it('joining: every first datagram is lost -> joined all the same', async () => {
    const seen = new Set<number>();
    network.drop = (datagram) => {
      const type = datagram[3]!;
      const first = !seen.has(type);
      seen.add(type);
      return first;
    };
    await start();
    await network.run(10_000);
    assert.equal(told.at(-1), 'joined alice.ntm.internal');
  });

  it('joining: login refused -> told why, waiting rejects at once, tried again a minute later', async () => {
    servers.refuseLogin = 'login-refused';
    await start();
    await network.run(100);
    assert.deepEqual(told, ['failed NTM_LOGIN_REFUSED']);
    await assert.rejects(membership.whenJoined(), (error: NtmError) => error.code === 'NTM_LOGIN_REFUSED');
    servers.refuseLogin = undefined;
    await network.run(59_000);
    assert.equal(told.length, 1);
    await network.run(2_000);
    assert.equal(told.at(-1), 'joined alice.ntm.internal');
    await membership.whenJoined();
  });

  it('joining: no AS -> unreachable after four tries, told once, joined when it is back', async () => {
    network.drop = () => true;
    await start();
    await network.run(4_000);
    assert.deepEqual(told, ['failed NTM_AS_UNREACHABLE']);
    await network.run(60_000);
    assert.equal(told.length, 1);
    network.drop = () => false;
    await network.run(70_000);
    assert.equal(told.at(-1), 'joined alice.ntm.internal');
  });

  it('joining: the AS has another key -> wrong key, sooner than silence', async () => {
    await start(new Uint8Array(32).fill(5));
    await network.run(400);
    assert.deepEqual(told, ['failed NTM_AS_KEY']);
  });

  it('joined: the DC lost its memory -> logged in again at the next keep alive', async () => {
    await start();
    await network.run(1_000);
    servers.forgetSessions();
    await network.run(30_000);
    assert.deepEqual(told, [
      'configured alice.ntm.internal',
      'joined alice.ntm.internal',
      'configured alice.ntm.internal',
      'joined alice.ntm.internal',
    ]);
    assert.ok(membership.coordinator());
  });

  it('joined: the DC falls silent -> told, and registered again without a login when it is back', async () => {
    await start();
    await network.run(1_000);
    network.drop = () => true;
    await network.run(40_000);
    assert.equal(told.at(-1), 'failed NTM_DC_UNREACHABLE');
    assert.equal(membership.coordinator(), undefined);
    network.drop = () => false;
    await network.run(70_000);
    assert.deepEqual(told.slice(2), ['failed NTM_DC_UNREACHABLE', 'joined alice.ntm.internal']);
  });

  it('joined: closed -> the DC is told', async () => {
    await start();
    await network.run(1_000);
    membership.close();
    await network.run(1_000);
    assert.equal(servers.received.at(-1), 'deregistration');
  });
});
