/** A host whose Wi-Fi carries nothing any more, which nobody ever tells it, while it has LTE, too. */
import assert from 'node:assert/strict';
import { CORRESPONDENT, MOBILE } from '../support/handover-lab/accesses';
import { HandoverLab } from '../support/handover-lab/handover-lab';
import type { MobileHost } from '../support/handover-lab/mobile-host';
import { stay } from '../support/handover-lab/movement';
import { workloadsOf } from '../support/handover-lab/workload';
import { describeLab } from '../support/lab';
import { fqdnOf, type LabNode } from '../support/nat-lab/nat-lab';
import { killRunning, type Program } from '../support/processes';
import { waysIn } from '../support/trace-watch';

/** Until LTE is known to work, beside Wi-Fi. */
const PROVEN_MS = 2_000;

function tests(this: Mocha.Suite): void {
  this.timeout(60_000);
  const lab = new HandoverLab();
  const websocket = workloadsOf({ bytes: 0, bytesPerSecond: 0 }).find(({ name }) => name === 'websocket')!;
  const server: LabNode = { account: 'hears', name: 'mobile' };
  let mn: MobileHost;
  let cn: MobileHost;
  let talking: Program;
  const ports = new Map<LabNode, string>();

  before(async () => {
    await lab.startServers();
    [mn, cn] = await Promise.all([lab.mobileHost('mn', MOBILE), lab.mobileHost('cn', CORRESPONDENT)]);
    for (const name of ['wifi', 'lte']) mn.join(name);
    cn.join('dual');
    await serve(mn, server);
    talking = await dials(cn, 'talks', server);
    await stay(PROVEN_MS);
  });
  after(async () => {
    assert.deepEqual(await lab.close(), []);
    assert.deepEqual(await killRunning(), [], 'no program is left running');
  });

  async function serve(host: MobileHost, node: LabNode): Promise<void> {
    const { port } = await lab.serve(host, node, websocket.serve);
    ports.set(node, port);
  }

  /** A program of its own, which hears something. */
  async function dials(host: MobileHost, name: string, to: LabNode): Promise<Program> {
    const program = lab.program(host, { account: 'dials', name }, websocket.dial(fqdnOf(to), ports.get(to)!));
    await program.line((line) => line === 'going');
    return program;
  }

  const waysOf = (node: LabNode): unknown[] => waysIn(lab.trace(node));

  it('a program that talks -> its servers see it by LTE, and whoever dials it reaches it', async () => {
    mn.leave('wifi', 'silent');
    await lab.traced(server, (events) => {
      const changed = events.findIndex(({ event }) => event === 'way changed');
      const since = changed < 0 ? [] : events.slice(changed);
      return since.some(({ event, message }) => event === 'receive' && message === 'Notification Registration Ack');
    });
    assert.deepEqual(waysOf(server), ['interface']);
    await dials(cn, 'dials-in', server);
  });

  it('a program that starts then -> joins by LTE, and dials', async () => {
    const fixed: LabNode = { account: 'hears', name: 'fixed' };
    await serve(cn, fixed);
    await dials(mn, 'dials-out', fixed);
    assert.deepEqual(waysOf({ account: 'dials', name: 'dials-out' }), ['interface']);
  });

  it('Wi-Fi works again -> its servers see it there, and it is reached; who talked all the time has noticed nothing', async () => {
    mn.join('wifi');
    await lab.traced(server, (events) => events.filter(({ event }) => event === 'way changed').length >= 2);
    assert.deepEqual(waysOf(server), ['interface', 'udp']);
    await dials(cn, 'dials-again', server);
    talking.terminate();
    const { broken, lost, doubled } = await talking.json<{ broken: string | null; lost: number; doubled: number }>();
    assert.deepEqual([broken, lost, doubled], [null, 0, 0]);
  });
}

describeLab('a silent interface', tests, { commands: ['cc'] });
