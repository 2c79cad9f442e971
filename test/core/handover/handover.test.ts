import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Handover } from '../../../core/handover/handover';
import type { Handover as Report } from '../../../core/handover/handover-reports';
import type { HostAddress, NetworkChange } from '../../../core/runtime';
import type { TraceEvent } from '../../../core/trace';
import { pass } from '../../support/memory-datagrams';
import { VirtualTime } from '../../support/virtual-time';

const host = (address: string, interfaceName = 'eth0'): HostAddress => ({
  ...{ interfaceName, address, family: 4, loopback: interfaceName === 'lo' },
});

function watched(...addresses: string[]) {
  const time = new VirtualTime();
  const done: string[] = [];
  const world = {
    addresses: addresses.map((address) => host(address)),
    routes: 'eth0 192.0.2.254 0',
    sources: '192.0.2.1',
    trace: [] as TraceEvent[],
    reports: [] as Report[],
    asleepMs: 0,
    tell: (() => {}) as (change: NetworkChange) => void,
    isWatching: (() => {}) as (isWatching: boolean) => void,
    isClosed: false,
    looks: 0,
  };
  const clock = { now: () => time.now(), wallTimeMs: () => time.now() + world.asleepMs };
  const handover = new Handover({
    ...{ clock, timers: time, part: 'node', trace: (event: TraceEvent) => void world.trace.push(event) },
    hostAddresses: () => {
      world.looks += 1;
      return [host('127.0.0.1', 'lo'), ...world.addresses];
    },
    defaultRoutes: () => world.routes,
    sourceAddresses: async () => world.sources,
    watch(onChange, onState) {
      world.tell = onChange;
      world.isWatching = onState;
      return { close: () => void (world.isClosed = true) };
    },
    notify: (why, oldDelivers) => {
      done.push(`notify ${why}${oldDelivers ? ', the old delivers' : ''}`);
      return 1;
    },
    register: () => void done.push('register'),
    direct: () => void done.push('direct'),
    directRest: () => void done.push('direct rest'),
    onHandover: (report) => world.reports.push(report),
  });
  handover.start();
  const move = (...to: string[]): void => void (world.addresses = to.map((address) => host(address)));
  return { time, done, handover, move, world };
}

const LOOK: NetworkChange = { kind: 'look' };
const LOST: NetworkChange = { kind: 'lost', interfaceName: 'eth0' };

describe('handover', () => {
  it('settled: nothing changes for a minute -> nothing is done', async () => {
    const { time, done } = watched('192.0.2.1');
    await pass(time, 60_000);
    assert.deepEqual(done, []);
  });

  it('settled, no events: another address -> told and registered within 600 ms; and directs; registered -> directs the rest; traced', async () => {
    const { time, done, handover, move, world } = watched('192.0.2.1');
    move('10.0.0.2');
    await pass(time, 601);
    assert.deepEqual(done, ['notify network', 'register', 'direct']);
    handover.registered();
    handover.registered();
    assert.deepEqual(done.slice(3), ['direct rest']);
    assert.deepEqual(
      world.trace.map(({ figure, step }) => [figure, step]),
      [
        [7, 1],
        [7, 2],
      ],
    );
  });

  it('settled: the system tells of another address -> told in this moment, registered when all is quiet', async () => {
    const { time, done, move, world } = watched('192.0.2.1');
    move('10.0.0.2');
    world.tell(LOOK);
    world.tell(LOOK);
    await pass(time, 0);
    assert.deepEqual(done, ['notify network']);
    await pass(time, 21);
    assert.deepEqual(done, ['notify network', 'register', 'direct']);
  });

  it('settled: the system tells of what changes nothing -> nothing is done', async () => {
    const { time, done, world } = watched('192.0.2.1');
    for (let i = 0; i < 100; i++) world.tell(i % 2 ? LOOK : { kind: 'lost', interfaceName: 'docker0' });
    await pass(time, 10_000);
    assert.deepEqual(done, []);
  });

  it('settled: one more address -> a handover, and what is under way arrives as before', async () => {
    const { time, done, move, world } = watched('192.0.2.1');
    await pass(time, 1);
    move('192.0.2.1', 'fd00::5');
    world.tell(LOOK);
    await pass(time, 100);
    assert.deepEqual(done, ['notify network, the old delivers', 'register', 'direct']);
  });

  it('settled: an address was lost for a moment, and is back before it is looked at -> a handover', async () => {
    const { time, done, world } = watched('192.0.2.1');
    world.tell(LOST);
    world.tell(LOOK);
    await pass(time, 100);
    assert.deepEqual(done, ['notify network', 'register', 'direct']);
  });

  for (const [what, change, notice] of [
    ['the default route leads elsewhere', { routes: 'lte0 10.0.0.1 0' }, 'notify network'],
    ['a routing rule sends from another address', { sources: '10.0.0.2' }, 'notify network, the old delivers'],
  ] as const) {
    it(`settled: ${what}, and the addresses stay -> a handover`, async () => {
      const { time, done, handover, world } = watched('192.0.2.1', '10.0.0.2');
      await pass(time, 1);
      Object.assign(world, change);
      world.tell(LOOK);
      await pass(time, 100);
      assert.deepEqual(done, [notice, 'register', 'direct']);
      handover.registered();
      handover.confirmed();
      const [report] = world.reports;
      assert.equal(report?.reason, 'routes');
      assert.deepEqual(report.fromAddresses, report.toAddresses);
    });
  }

  it('settled: the host was asleep -> a handover within five seconds, also with events', async () => {
    const { time, done, world } = watched('192.0.2.1');
    world.isWatching(true);
    await pass(time, 60_000);
    world.asleepMs = 3_600_000;
    await pass(time, 5_100);
    assert.deepEqual(done, ['notify network', 'register', 'direct']);
    await pass(time, 60_000);
    assert.equal(done.length, 3, 'once');
  });

  it('settled, with events: nothing happens -> it is looked rarely; the events end -> twice a second again', async () => {
    const { time, done, move, world } = watched('192.0.2.1');
    world.isWatching(true);
    world.looks = 0;
    await pass(time, 60_000);
    assert(world.looks <= 12, `${world.looks} looks`);
    world.isWatching(false);
    move('10.0.0.2');
    await pass(time, 601);
    assert.deepEqual(done, ['notify network', 'register', 'direct']);
  });

  it('settled: a datagram cannot be sent -> it looks at once', async () => {
    const { time, done, handover, move } = watched('192.0.2.1');
    move('10.0.0.2');
    for (let i = 0; i < 50; i++) handover.suspect();
    await pass(time, 121);
    assert.deepEqual(done, ['notify network', 'register', 'direct']);
  });

  it('settled: addresses go and come one after the other -> one handover, told of each, registered when all is quiet', async () => {
    const { time, done, handover, move, world } = watched('192.0.2.1');
    move();
    world.tell(LOST);
    await pass(time, 1_000);
    assert.deepEqual(done, [], 'there is no network to hand over to');
    for (const to of [['fd00::5'], ['fd00::5', '10.0.0.2'], ['fd00::5', '10.0.0.2', '10.0.0.3']]) {
      move(...to);
      world.tell(LOOK);
      await pass(time, 9);
    }
    await pass(time, 1_000);
    assert.deepEqual(done, ['notify network', 'notify network', 'notify network', 'register', 'direct']);
    handover.registered();
    handover.confirmed();
    const [report] = world.reports;
    assert.equal(world.reports.length, 1);
    assert.deepEqual(report?.fromAddresses, ['eth0 192.0.2.1']);
    assert.deepEqual(report?.toAddresses, ['eth0 10.0.0.2', 'eth0 10.0.0.3', 'eth0 fd00::5']);
    assert.equal(report?.notifiedMs, 1_000);
  });

  it('settled: addresses change without end -> registered within 100 ms all the same', async () => {
    const { time, done, move, world } = watched('192.0.2.1');
    for (let i = 2; i < 12; i++) {
      move(`10.0.0.${i}`);
      world.tell(LOOK);
      await pass(time, 11);
    }
    assert(done.includes('register'), done.join());
  });

  it('settled: the address goes and the same one comes back -> a handover: it may be another network', async () => {
    const { time, done, move } = watched('10.0.0.2');
    move();
    await pass(time, 1_000);
    move('10.0.0.2');
    await pass(time, 1_000);
    assert.deepEqual(done, ['notify network', 'register', 'direct']);
  });

  it('flapping for a minute: ten changes a second -> the DC hears of it twice a second, and the end is registered', async () => {
    const { time, done, handover, move, world } = watched('192.0.2.1');
    for (let i = 0; i < 600; i++) {
      move(`10.0.${i >> 8}.${i & 255}`);
      world.tell(LOOK);
      await pass(time, 50);
      handover.registered();
      await pass(time, 50);
    }
    const registrations = done.filter((what) => what === 'register').length;
    assert(registrations <= 10 + 2 * 60 + 1, `${registrations} registrations`);
    done.length = 0;
    move('192.0.2.9');
    world.tell(LOOK);
    await pass(time, 1_000);
    assert.deepEqual(done, ['notify network', 'register', 'direct']);
  });

  it('thirty changes at once, more than are told at once -> the last one is told when it is registered', async () => {
    const { time, done, move, world } = watched('192.0.2.1');
    world.isWatching(true);
    for (let i = 0; i < 30; i++) {
      move(`10.0.0.${i}`);
      world.tell(LOOK);
      await pass(time, 1);
    }
    await pass(time, 200);
    assert.ok(done.filter((each) => each === 'notify network').length < 30);
    assert.deepEqual(done.slice(-3), ['notify network', 'register', 'direct']);
    assert.equal(done.at(-4), 'notify network', 'at most once more');
  });

  it('registered: a correspondent node does not answer -> the program is told after ten seconds; both times are there', async () => {
    const { time, handover, move, world } = watched('192.0.2.1');
    move('10.0.0.2');
    world.tell(LOOK);
    await pass(time, 50);
    handover.registered();
    await pass(time, 9_999);
    assert.equal(world.reports.length, 0);
    await pass(time, 1);
    const [report] = world.reports;
    assert.deepEqual(
      [report?.reason, report?.notifiedMs, report?.noticedMs, report?.registeredMs, report?.tunnels, report?.confirmed],
      ['addresses', 0, undefined, 50, 1, 0],
    );
  });

  it('registering: moves again -> registers and directs again, and the rest once it is registered there', async () => {
    const { time, done, handover, move } = watched('192.0.2.1');
    const registered = (): string[] => done.filter((what) => !what.startsWith('notify'));
    move('10.0.0.2');
    await pass(time, 1_000);
    move('10.1.0.2');
    await pass(time, 505);
    handover.registered(); // where it was
    assert.deepEqual(registered(), ['register', 'direct']);
    await pass(time, 1_000);
    handover.registered();
    assert.deepEqual(registered(), ['register', 'direct', 'register', 'direct', 'direct rest']);
  });

  it('settling: closed -> nothing more is done, and no timer is left', async () => {
    const { time, done, handover, move, world } = watched('192.0.2.1');
    move('10.0.0.2');
    await pass(time, 505);
    handover.close();
    handover.suspect();
    world.tell(LOST);
    await pass(time, 10_000);
    assert.deepEqual(done, ['notify network']);
    assert(world.isClosed);
    assert.equal(time.pendingCount, 0);
  });
});
