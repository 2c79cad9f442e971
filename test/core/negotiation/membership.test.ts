import assert from 'node:assert/strict';
import type { NtmError } from '../../../core/errors';
import type { Membership } from '../../../core/negotiation/membership';
import type { HostAddress, Runtime } from '../../../core/runtime';
import type { Endpoint } from '../../../core/wire/addresses';
import { FakeServers } from '../../support/fake-servers';
import { openMembership } from '../../support/open-membership';
import { SimulatedNetwork } from '../../support/simulated-network';

describe('membership', () => {
  let network: SimulatedNetwork;
  let servers: FakeServers;
  let membership: Membership;
  let told: string[];
  let password: string;
  let hostAddresses: HostAddress[] | undefined;
  let resolveHost: ((name: string) => Promise<string>) | undefined;

  async function start(accountServerKey?: Uint8Array): Promise<void> {
    const host = network.host('192.0.2.3', 3);
    const runtime: Runtime = {
      ...host,
      hostAddresses: () => hostAddresses ?? host.hostAddresses(),
      resolveHost: (name) => (resolveHost ? resolveHost(name) : host.resolveHost(name)),
    };
    const settings = { servers, told, password: () => password, ...(accountServerKey && { accountServerKey }) };
    membership = await openMembership(runtime, settings);
    membership.start();
  }

  beforeEach(async () => {
    told = [];
    password = 'secret';
    hostAddresses = undefined;
    resolveHost = undefined;
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

  it('joining: the DC is named by IPv6 and IPv4, the AS was reached by IPv4 -> joined by IPv4', async () => {
    servers.alsoAt = [{ address: '2001:db8::1', port: 2 }];
    await start();
    await network.run(30);
    assert.deepEqual(told, ['configured alice.ntm.internal', 'joined alice.ntm.internal']);
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

  it('joining: login refused -> told why, waiting rejects at once, tried again within a minute', async () => {
    servers.refuseLogin = 'login-refused';
    await start();
    await network.run(100);
    assert.deepEqual(told, ['failed NTM_LOGIN_REFUSED']);
    await assert.rejects(membership.whenJoined(), (error: NtmError) => error.code === 'NTM_LOGIN_REFUSED');
    servers.refuseLogin = undefined;
    await network.run(29_000);
    assert.equal(told.length, 1);
    await network.run(32_000);
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

  const registrations = (): number => servers.received.filter((message) => message === 'registration').length;
  /** Nothing passes to and from these. */
  const cutOff = (...servers: Endpoint[]): void => {
    const isAway = ({ address }: Endpoint): boolean => servers.some((server) => server.address === address);
    network.drop = (_, from, to) => isAway(from) || isAway(to);
  };
  const heal = (): void => void (network.drop = () => false);
  /** The outcome of an ask within `ms`. */
  async function ask(ms: number): Promise<string> {
    let outcome = 'pending';
    membership.whenJoined().then(
      () => (outcome = 'joined'),
      (error: NtmError) => (outcome = error.code),
    );
    await network.run(ms);
    return outcome;
  }
  /** One ask each 250 ms, as a busy program does. */
  async function askFor(ms: number): Promise<Set<string>> {
    const outcomes = new Set<string>();
    for (let passedMs = 0; passedMs < ms; passedMs += 250) {
      membership.whenJoined().then(
        () => outcomes.add('joined'),
        (error: NtmError) => outcomes.add(error.code),
      );
      await network.run(250);
    }
    return outcomes;
  }

  it('joined: everything falls silent for minutes -> told once; joined when it is back, and few logins were tried', async () => {
    await start();
    await network.run(1_000);
    cutOff(servers.accountServer, servers.coordinator);
    await network.run(300_000);
    assert.deepEqual(told.slice(2), ['failed NTM_DC_UNREACHABLE']);
    assert.equal(membership.coordinator(), undefined);
    heal();
    await network.run(17_000);
    assert.equal(told.at(-1), 'joined alice.ntm.internal');
    assert.ok(servers.passwords.length <= 2, servers.passwords.join());
  });

  it('joined: the DC alone is silent, and the AS says so -> the AS is asked less and less, and the session is kept', async () => {
    await start();
    await network.run(1_000);
    cutOff(servers.coordinator);
    servers.refuseLogin = 'unavailable';
    await askFor(300_000);
    assert.ok(servers.passwords.length <= 1 + 10, `${servers.passwords.length} logins`);
    heal();
    assert.equal(await ask(1_000), 'joined', 'by the session of before: the AS still says no');
  });

  it('joined: the DC has another endpoint since it restarted -> the AS tells it', async () => {
    await start();
    await network.run(1_000);
    servers.stop();
    servers.coordinator.address = '192.0.2.8';
    await servers.start();
    await network.run(40_000);
    assert.equal(told.at(-1), 'joined alice.ntm.internal');
    assert.equal(membership.coordinator()?.endpoint.address, '192.0.2.8');
  });

  it('joined: somebody hears that the DC does not know us -> logged in again at once', async () => {
    await start();
    await network.run(1_000);
    servers.forgetSessions();
    membership.doubt(membership.coordinator()!.peer, 'session');
    assert.equal(await ask(100), 'joined');
    assert.equal(servers.passwords.length, 2);
  });

  it('joined: the session is taken again and again -> taken back less and less often', async () => {
    await start();
    await network.run(1_000);
    for (let second = 0; second < 120; second++) {
      const coordinator = membership.coordinator();
      servers.forgetSessions();
      if (coordinator) membership.doubt(coordinator.peer, 'session');
      void membership.whenJoined().catch(() => {});
      await network.run(1_000);
    }
    assert.ok(servers.passwords.length > 3 && servers.passwords.length <= 14, `${servers.passwords.length} logins`);
  });

  it('joined: only the registration is forgotten -> registered again, without the AS', async () => {
    await start();
    await network.run(1_000);
    membership.doubt(membership.coordinator()!.peer, 'registration');
    cutOff(servers.accountServer);
    assert.equal(await ask(100), 'joined');
    assert.equal(servers.passwords.length, 1);
  });

  it('waiting: names are asked for while the AS is away -> each fails within 1.5 s; the first after it is back does not', async () => {
    cutOff(servers.accountServer);
    await start();
    assert.equal(await ask(3_800), 'NTM_AS_UNREACHABLE');
    await network.run(120_000);
    for (const wait of [0, 100, 300, 700, 1_900, 3_700, 4_000]) {
      assert.equal(await ask(1_501), 'NTM_AS_UNREACHABLE');
      await network.run(wait);
    }
    heal();
    assert.equal(await ask(1_500), 'joined');
  });

  for (const atMs of [10, 400, 900, 1_900, 3_000, 3_740, 3_760, 4_500]) {
    it(`waiting: the AS is back ${atMs} ms after an attempt began -> the first ask joins`, async () => {
      cutOff(servers.accountServer);
      await start();
      await network.run(100_000);
      assert.equal(await ask(atMs), atMs < 1_500 ? 'pending' : 'NTM_AS_UNREACHABLE');
      heal();
      assert.equal(await ask(1_500), 'joined');
    });
  }

  it('waiting: a busy program while the AS is away for minutes -> a bounded number of datagrams', async () => {
    let sent = 0;
    network.drop = (_, __, to) => (to.address === servers.accountServer.address ? ++sent > 0 : false);
    await start();
    assert.deepEqual(await askFor(120_000), new Set(['NTM_AS_UNREACHABLE']));
    assert.ok(sent <= 2.5 * 120, `${sent} datagrams in two minutes`);
  });

  it('waiting: nobody asks while the AS is away for an hour -> it is asked four times a minute or so', async () => {
    let sent = 0;
    network.drop = (_, __, to) => (to.address === servers.accountServer.address ? ++sent > 0 : false);
    await start();
    await network.run(3_600_000);
    assert.ok(sent > 600 && sent < 4 * 500, `${sent} datagrams in an hour, four for each attempt`);
  });

  it('refused: a busy program asks for a day -> at once told why, a few dozen logins, far from the limits of the AS', async () => {
    servers.refuseLogin = 'login-refused';
    await start();
    await network.run(1_000);
    assert.deepEqual(await askFor(600_000), new Set(['NTM_LOGIN_REFUSED']));
    assert.ok(servers.passwords.length <= 8, `${servers.passwords.length} logins in ten minutes`);
    await network.run(24 * 3_600_000);
    assert.ok(servers.passwords.length <= 60, `${servers.passwords.length} logins in a day`);
  });

  it('refused: the password is another one -> joined, without an ask, and at once when asked', async () => {
    servers.refuseLogin = 'login-refused';
    await start();
    await network.run(1_000);
    password = 'still wrong';
    assert.equal(await ask(100), 'NTM_LOGIN_REFUSED');
    assert.equal(servers.passwords.length, 2);
    servers.refuseLogin = undefined;
    password = 'right';
    await network.run(2_100);
    assert.deepEqual(servers.passwords, ['secret', 'still wrong', 'right']);
    assert.equal(told.at(-1), 'joined alice.ntm.internal');
  });

  it('limited: a busy program asks -> no more logins than its share of what the AS allows', async () => {
    servers.refuseLogin = 'login-limited';
    await start();
    await network.run(1_000);
    await askFor(120_000);
    assert.ok(servers.passwords.length <= 10, `${servers.passwords.length} logins in two minutes`);
  });

  it('waiting: the host gets an address -> joined within seconds, without an ask', async () => {
    hostAddresses = [];
    cutOff(servers.accountServer);
    await start();
    await network.run(600_000);
    heal();
    hostAddresses = [{ interfaceName: 'sim0', family: 4, address: '192.0.2.3', loopback: false }];
    await network.run(6_000);
    assert.equal(told.at(-1), 'joined alice.ntm.internal');
  });

  it('joining: the name of the AS does not resolve, then never answers, then resolves -> why is told, then joined', async () => {
    resolveHost = () => Promise.reject(Object.assign(new Error('getaddrinfo EAI_AGAIN'), { code: 'EAI_AGAIN' }));
    await start();
    assert.equal(await ask(10), 'NTM_AS_UNREACHABLE');
    assert.match(membership.error!.message, /192\.0\.2\.1, cannot be looked up now: EAI_AGAIN/);
    let lookups = 0;
    resolveHost = () => new Promise(() => lookups++);
    assert.deepEqual(await askFor(60_000), new Set(['NTM_AS_UNREACHABLE']));
    assert.equal(lookups, 1, 'a resolver that hangs holds one thread');
  });

  it('joined before: the name of the AS does not resolve any more -> its address of last time serves', async () => {
    await start();
    await network.run(1_000);
    resolveHost = () => Promise.reject(new Error('no resolver'));
    servers.forgetSessions();
    membership.doubt(membership.coordinator()!.peer, 'session');
    assert.equal(await ask(100), 'joined');
  });

  it('joined: the NS is gone -> registered again, less and less often; it has another endpoint -> connected there', async () => {
    const key = new Uint8Array(32).fill(7);
    servers.notification = { endpoints: [{ address: '192.0.2.5', port: 1 }], key };
    await start();
    await network.run(60_000);
    assert.ok(registrations() > 3 && registrations() < 12, `${registrations()} registrations`);
    const elsewhere = { address: '192.0.2.6', port: 2 };
    let connections = 0;
    network.listen(elsewhere, () => {
      connections++;
      return { onConnect() {}, onBytes() {}, onClose() {} };
    });
    servers.notification = { endpoints: [elsewhere], key };
    await network.run(62_000);
    assert.ok(connections > 0);
    assert.equal(servers.passwords.length, 1);
  });

  it('joined: woken by each of many tunnels -> one connection to the NS and one registration at once, the rest a second later', async () => {
    const ns = { address: '192.0.2.5', port: 1 };
    let connections = 0;
    network.listen(ns, () => {
      connections++;
      return { onConnect() {}, onBytes() {}, onClose() {} };
    });
    servers.notification = { endpoints: [ns], key: new Uint8Array(32).fill(7) };
    await start();
    await network.run(500);
    const before = { connections, registrations: registrations() };
    const more = (): number[] => [connections - before.connections, registrations() - before.registrations];
    for (let tunnel = 0; tunnel < 50; tunnel++) {
      membership.wake();
      await network.run(15);
    }
    assert.deepEqual(more(), [1, 1]);
    await network.run(1_000);
    assert.deepEqual(more(), [2, 2]);
    membership.wake();
    membership.wake(); // put off, and closed before
  });

  it('joined: closed -> the DC is told', async () => {
    await start();
    await network.run(1_000);
    membership.close();
    await network.run(1_000);
    assert.equal(servers.received.at(-1), 'deregistration');
  });
});
