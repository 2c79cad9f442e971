import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Handover } from '../../../core/handover/handover';
import type { HostAddress } from '../../../core/runtime';
import type { TraceEvent } from '../../../core/trace';
import { pass } from '../../support/memory-datagrams';
import { VirtualTime } from '../../support/virtual-time';

const host = (address: string, interfaceName = 'eth0'): HostAddress => ({
  ...{ interfaceName, address, family: 4, loopback: interfaceName === 'lo' },
});

function watched(...addresses: string[]) {
  const time = new VirtualTime();
  const done: string[] = [];
  const world = { addresses: addresses.map((address) => host(address)), trace: [] as TraceEvent[] };
  const handover = new Handover({
    ...{ timers: time, part: 'node', trace: (event: TraceEvent) => void world.trace.push(event) },
    hostAddresses: () => [host('127.0.0.1', 'lo'), ...world.addresses],
    register: () => void done.push('register'),
    direct: () => void done.push('direct'),
  });
  handover.start();
  const move = (...to: string[]): void => void (world.addresses = to.map((address) => host(address)));
  return { time, done, handover, move, world };
}

describe('handover', () => {
  it('settled: nothing changes for a minute -> nothing is done', async () => {
    const { time, done } = watched('192.0.2.1');
    await pass(time, 60_000);
    assert.deepEqual(done, []);
  });

  it('settled: another address -> registers within 600 ms; registered -> directs; steps 1 and 2 are traced', async () => {
    const { time, done, handover, move, world } = watched('192.0.2.1');
    move('10.0.0.2');
    await pass(time, 601);
    assert.deepEqual(done, ['register']);
    handover.registered();
    handover.registered();
    assert.deepEqual(done, ['register', 'direct']);
    assert.deepEqual(
      world.trace.map(({ figure, step }) => [figure, step]),
      [
        [7, 1],
        [7, 2],
      ],
    );
  });

  it('settled: a datagram cannot be sent -> it looks at once', async () => {
    const { time, done, handover, move } = watched('192.0.2.1');
    move('10.0.0.2');
    for (let i = 0; i < 50; i++) handover.suspect();
    await pass(time, 121);
    assert.deepEqual(done, ['register']);
  });

  it('settled: addresses go and come one after the other -> one handover, when all is quiet', async () => {
    const { time, done, move } = watched('192.0.2.1');
    move();
    await pass(time, 1_000);
    assert.deepEqual(done, [], 'there is no network to hand over to');
    move('fd00::5');
    await pass(time, 90);
    move('fd00::5', '10.0.0.2');
    await pass(time, 1_000);
    assert.deepEqual(done, ['register']);
  });

  it('settled: the address goes and the same one comes back -> a handover: it may be another network', async () => {
    const { time, done, move } = watched('10.0.0.2');
    move();
    await pass(time, 1_000);
    move('10.0.0.2');
    await pass(time, 1_000);
    assert.deepEqual(done, ['register']);
  });

  it('registering: moves again -> registers again, and directs once it is registered', async () => {
    const { time, done, handover, move } = watched('192.0.2.1');
    move('10.0.0.2');
    await pass(time, 1_000);
    move('10.1.0.2');
    await pass(time, 150);
    handover.registered(); // where it was
    assert.deepEqual(done, ['register']);
    await pass(time, 1_000);
    handover.registered();
    assert.deepEqual(done, ['register', 'register', 'direct']);
  });

  it('settling: closed -> nothing more is done, and no timer is left', async () => {
    const { time, done, handover, move } = watched('192.0.2.1');
    move('10.0.0.2');
    await pass(time, 520);
    handover.close();
    handover.suspect();
    await pass(time, 10_000);
    assert.deepEqual(done, []);
    assert.equal(time.pendingCount, 0);
  });
});
