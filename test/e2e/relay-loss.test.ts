/** Relay servers that stop, are killed and come back under a transfer; real processes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { startFlood } from '../support/flood';
import { portsOf, testProgram } from '../support/network';
import { next, says } from '../support/outage';
import type { Program } from '../support/processes';
import { ServedNetwork, type ServedRelay } from '../support/served-network';

describe('relay servers in processes of their own', function () {
  this.timeout(120_000);
  let network: ServedNetwork;
  let bob: Program;
  let alice: Program;

  before(async () => {
    network = await ServedNetwork.start(2, { workers: 2 });
    bob = network.program('bob', [testProgram('transfer.cjs')], { NTMOBILE_ROUTE: 'relay' });
    const [port] = await portsOf(bob);
    alice = network.program('alice', [testProgram('transfer.cjs'), network.fqdn('bob'), `${port}`]);
    await next(alice, says('progress'), 2);
  });
  after(() => network.close());

  /** The one that the transfer goes through, and the other. */
  async function relays(): Promise<[ServedRelay, ServedRelay]> {
    const [first, second] = network.relays as [ServedRelay, ServedRelay];
    return (await carries(first)) ? [first, second] : [second, first];
  }

  /** Whether the transfer goes through it. That a path is allocated does not say so. */
  async function carries(relay: ServedRelay): Promise<boolean> {
    const before = await network.figure(relay, 'relayed_packets_total');
    await next(alice, says('progress'), 2);
    return (await network.figure(relay, 'relayed_packets_total')) > before + 20;
  }

  /** The transfer goes on; how long it stood still is said, and nothing is asserted about it. */
  async function goesOn(what: string): Promise<void> {
    const lines = [await next(alice, says('progress')), await next(alice, says('progress'), 3)];
    const gaps = lines.map((line) => Number(/gap (\d+)/.exec(line)![1]));
    process.stdout.write(`      ${what}: the longest gap was ${Math.max(...gaps)} ms\n`);
  }

  it('a process of an RS is killed -> it is replaced, and the transfer goes on', async () => {
    const [used] = await relays();
    const [child] = childrenOf(used.process.pid);
    process.kill(child!, 'SIGKILL');
    await until(async () => (await network.figure(used, 'relay_processes_lost_total')) === 1);
    await until(async () => (await network.figure(used, 'relay_processes{')) === 2);
    assert.notEqual(childrenOf(used.process.pid)[0], child);
    await goesOn('a worker killed');
  });

  it('an RS is flooded -> a second process reads its port, and the transfer goes on through both', async () => {
    const [used] = await relays();
    const flood = startFlood(used.port);
    await until(async () => (await network.figure(used, 'relay_processes_reading')) === 2);
    await flood.stop();
    await goesOn('flooded');
    assert((await network.figure(used, 'relay_worker_packets_total')) > 0, 'the second has forwarded');
  });

  it('SIGTERM to the RS in use -> both nodes go to the other one first, and it ends', async () => {
    const [used, other] = await relays();
    used.process.terminate();
    await used.process.finish();
    await goesOn(`${used.name} drained`);
    assert(await carries(other));
    await network.startRelay(used);
  });

  it('SIGKILL to the RS in use -> the nodes find out, and go to the other one', async () => {
    const [used, other] = await relays();
    await used.process.kill();
    await goesOn(`${used.name} killed`);
    assert(await carries(other));
    await network.startRelay(used);
  });

  it('the transfer ends -> every byte of it arrived once, over one connection', async () => {
    process.kill(bob.pid, 'SIGUSR2');
    const sent = await bob.line(says('sent'));
    const received = await alice.line(says('received'));
    assert.equal(received.replace('received', 'sent'), sent);
    assert.deepEqual([...bob.lines, ...alice.lines].filter(says('broken')), []);
    await Promise.all([alice.finish(), bob.finish()]);
  });
});

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
}

async function until(is: () => Promise<boolean>): Promise<void> {
  while (!(await is())) await new Promise((resolve) => setTimeout(resolve, 50));
}
