/** Hosts whose network, or own firewall, lets no UDP through; unmodified programs on them dial and are dialled. */
import assert from 'node:assert/strict';
import type { Endpoint } from '../../core/wire/addresses';
import { wholeBody } from '../support/lab-body';
import { describeLab } from '../support/lab';
import { LAB_CLIENT, LAB_SERVER } from '../support/lab-programs';
import { portsOf, testProgram } from '../support/network';
import { next, says } from '../support/outage';
import type { Program } from '../support/processes';
import { RouterLab, type Host } from '../support/router-lab';
import { waysIn } from '../support/trace-watch';

const LENGTH = 1 << 20;

describeLab('hosts without UDP', function () {
  this.timeout(60_000);
  const lab = new RouterLab();
  const ports = {} as Record<Host, number>;
  let relayed: string;
  let ticking: Program;

  before(async () => {
    lab.start();
    await lab.startNetwork(4);
    const { address, port } = lab.network.servers.rs as Endpoint;
    relayed = `relay ${address}:${port}`;
    lab.setUdp('alice', 'lost');
    await Promise.all(
      (['alice', 'bob'] as const).map(async (host) => {
        const server = lab.program(host, ['-e', LAB_SERVER, require.resolve('../support/lab-body'), '0']);
        ports[host] = Number((await server.line(says('listening'))).split(' ')[1]);
        await lab.traced(host, '', (events) => events.some(({ event }) => event === 'logged in'));
      }),
    );
  });
  after(async () => {
    await lab.stop();
  });

  const fetches = async (host: Host, label: string, from: Host): Promise<void> => {
    const url = `http://${lab.fqdn(from)}:${ports[from]}/${LENGTH}`;
    const client = lab.program(host, ['-e', LAB_CLIENT, url], label);
    assert.equal((await client.finish()).split('\n').at(-1), wholeBody(LENGTH));
    const paths = lab.trace(host, label).flatMap(({ event, path }) => (event === 'established' ? [path] : []));
    assert.deepEqual(new Set(paths), new Set([relayed]));
  };
  const waysOf = (host: Host, label = ''): unknown[] => waysIn(lab.trace(host, label));

  it('one without dials one with UDP, and is dialled by it -> a megabyte comes whole, through the RS', async () => {
    await Promise.all([fetches('alice', 'dials', 'bob'), fetches('bob', 'dials', 'alice')]);
    assert.deepEqual([waysOf('alice', 'dials'), waysOf('alice'), waysOf('bob', 'dials')], [['tls'], ['tls'], []]);
  });

  it('two without, one by its own firewall -> a megabyte comes whole, both over TLS', async () => {
    lab.setUdp('bob', 'refused');
    await fetches('bob', 'refused', 'alice');
    assert.deepEqual(waysOf('bob', 'refused'), ['tls']);
    const refusals = lab.trace('bob', 'refused').filter(({ event }) => event === 'send failed');
    assert.deepEqual(refusals, [], 'nothing but servers was sent to, and those are reached otherwise');
    lab.setUdp('bob', 'passes');
  });

  it('UDP passes again, and its addresses change -> the same connection goes on, straight', async () => {
    const bob = lab.program('bob', [testProgram('ticking.cjs')], 'ticks');
    const [port] = await portsOf(bob);
    const name = `ticks.${lab.fqdn('bob')}`;
    ticking = lab.program('alice', [testProgram('ticking.cjs'), name, `${port}`], 'ticks');
    await ticking.line(says('tick'));
    lab.setUdp('alice', 'passes');
    lab.addAddress('alice');
    await lab.traced('alice', 'ticks', (events) =>
      events.some(
        ({ event, path }) =>
          (event === 'established' || event === 'roamed') && String(path).startsWith(lab.address('bob', 4)),
      ),
    );
    await next(ticking, says('tick'), 5);
    assert.deepEqual(ticking.lines.filter(says('broken')), []);
    ticking.terminate();
    bob.terminate();
    await Promise.all([ticking.ended, bob.ended]);
  });
});
