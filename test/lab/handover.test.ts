/**
 * Programs that know nothing of us, on hosts that change their networks: a representative part of what
 * `npm run lab -- MOVEMENT` shows in full.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { CORRESPONDENT, MOBILE } from '../support/handover-lab/accesses';
import { HandoverLab } from '../support/handover-lab/handover-lab';
import type { MobileHost } from '../support/handover-lab/mobile-host';
import { stay, type Movement } from '../support/handover-lab/movement';
import { runMovement, type MovedResult } from '../support/handover-lab/run';
import { workloadsOf } from '../support/handover-lab/workload';
import { describeLab } from '../support/lab';
import { fqdnOf, type LabNode } from '../support/nat-lab/nat-lab';
import { killRunning } from '../support/processes';

const STAY_MS = 1_000;
/** Until nobody waits for an answer by the network that is silent. */
const SILENT_MS = 1_500;
/** Until LTE is known to work, beside Wi-Fi. */
const PROVEN_MS = 2_000;
const LOOK_EVERY_MS = 50;
const WORKLOADS = ['download', 'websocket', 'datagrams'];

const movement: Movement = {
  name: 'representative',
  about:
    'Wi-Fi, LTE and Wi-Fi again; then Wi-Fi is silent until LTE takes its place; then it is silent while LTE stands by; then both hosts at once',
  mn: ['wifi'],
  cn: ['wifi'],
  async move({ mn, cn }) {
    await stay(STAY_MS);
    mn.change('wifi', 'lte');
    await stay(STAY_MS);
    mn.change('lte', 'wifi');
    await stay(STAY_MS);
    mn.leave('wifi', 'silent');
    await stay(SILENT_MS);
    mn.change('wifi', 'lte');
    await stay(STAY_MS);
    mn.join('wifi');
    await stay(PROVEN_MS);
    mn.leave('wifi', 'silent');
    await stay(SILENT_MS);
    mn.leave('wifi');
    await stay(STAY_MS);
    mn.leave('lte');
    cn.leave('wifi');
    mn.join('wifi');
    cn.join('lte');
    await stay(STAY_MS);
    return 6;
  },
};

function tests(this: Mocha.Suite): void {
  this.timeout(120_000);
  const lab = new HandoverLab();
  let results: readonly MovedResult[];

  before(async () => {
    await lab.startServers();
    const workloads = workloadsOf({ bytes: 4e6, bytesPerSecond: 1e6 }).filter(({ name }) => WORKLOADS.includes(name));
    results = await runMovement(lab, movement, workloads, {}, () => {});
  });
  after(async () => {
    assert.deepEqual(await lab.close(), []);
    assert.deepEqual(await killRunning(), [], 'no program is left running');
  });

  for (const workload of WORKLOADS) {
    it(`${movement.about} -> a program's ${workload} goes on, whole`, () => {
      const result = results.find(({ name }) => name.endsWith(`:${workload}`));
      assert.ok(result?.ok, result?.note);
    });
  }

  for (const [standby, isKept] of [
    ['auto', true],
    ['off', false],
  ] as const) {
    it(`NTMOBILE_STANDBY=${standby}, datagrams by Wi-Fi, LTE is there -> ${isKept ? 'LTE is kept ready' : 'nothing leaves by LTE'}`, async () => {
      const [mn, cn] = await Promise.all([lab.mobileHost('mn', MOBILE), lab.mobileHost('cn', CORRESPONDENT)]);
      for (const host of [mn, cn]) for (const name of ['wifi', 'lte']) host.join(name);
      const [datagrams] = workloadsOf({ bytes: 0, bytesPerSecond: 0 }).filter(({ name }) => name === 'datagrams');
      const hears: LabNode = { account: 'hears', name: `standby-${standby}` };
      const { server, port } = await lab.serve(cn, hears, datagrams!.serve);
      const sent = countSent(mn, 'lte');
      const dials: LabNode = { account: 'dials', name: `standby-${standby}` };
      const client = lab.program(mn, dials, datagrams!.dial(fqdnOf(hears), port), { NTMOBILE_STANDBY: standby });
      await client.line((line) => line === 'going');
      if (!isKept) await stay(PROVEN_MS);
      while (isKept && sent() === 0) await stay(LOOK_EVERY_MS);
      assert.equal(sent() > 0, isKept);
      await Promise.all([client.kill(), server.kill()]);
    });
  }
}

/**
 * IP packets that leave by an interface from now on. What the kernel asks its neighbours, by ARP or ICMPv6, is none; and
 * of TCP only what begins a connection is, since the kernel is still ending those of programs that were killed before.
 */
function countSent(host: MobileHost, name: string): () => number {
  const nft = (command: string): string => {
    const [program, ...args] = host.command('nft', command);
    return execFileSync(program!, args, { encoding: 'utf8' });
  };
  const rule = `tcp flags & syn == 0 return; oifname ${name} meta l4proto != ipv6-icmp counter;`;
  const chain = `chain out { type filter hook output priority 0; ${rule} };`;
  nft(`table inet sent; delete table inet sent; table inet sent { ${chain} }`);
  return () => Number(/counter packets (\d+)/.exec(nft('list table inet sent'))?.[1]);
}

describeLab('handover', tests, { commands: ['cc'] });
