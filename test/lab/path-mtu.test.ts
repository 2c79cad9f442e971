/** The MTU of a path over a router: found, kept to, and found again when it falls during a transfer. */
import assert from 'node:assert/strict';
import { describeLab } from '../support/lab';
import { wholeBody } from '../support/lab-body';
import { LAB_CLIENT, LAB_SERVER } from '../support/lab-programs';
import type { Program } from '../support/processes';
import { RouterLab, type Family } from '../support/router-lab';
import { hasJoined } from '../support/trace-watch';

const SMALL = 3_000_000;
const LARGE = 60_000_000;
/** Outer headers: IP, UDP, WireGuard. */
const HEADERS = { 4: 20 + 8 + 32, 6: 40 + 8 + 32 } as const;
/** What is assumed before anything is known, and what remains below the smallest size that is tried. */
const LEAST = 1_200;
/** What a search sends at most. */
const PROBES = 16;

function tests(this: Mocha.Suite): void {
  this.timeout(60_000);
  let lab: RouterLab;
  let server: Program;

  beforeEach(() => {
    lab = new RouterLab();
    lab.start();
  });
  afterEach(async () => {
    server.terminate();
    await server.ended;
    assert.deepEqual(await lab.stop(), []);
  });

  async function serve(family: Family): Promise<void> {
    await lab.startNetwork(family);
    server = lab.program('bob', ['-e', LAB_SERVER, require.resolve('../support/lab-body'), '0']);
    await server.line((line) => line.startsWith('listening'));
    await lab.traced('bob', '', (events) => hasJoined(events, server));
  }

  async function fetch(length: number, begun: () => void = () => {}): Promise<void> {
    const port = server.lines.find((line) => line.startsWith('listening'))!.split(' ')[1];
    const client = lab.program('alice', ['-e', LAB_CLIENT, `http://${lab.fqdn('bob')}:${port}/${length}`]);
    await client.line((line) => line === 'begun');
    begun();
    assert.equal((await client.finish()).split('\n').at(-1), wholeBody(length));
  }

  /** The inner MTU that bob sends by, as he found it last. */
  const found = (): unknown => lab.trace('bob').findLast(({ event }) => event === 'path mtu')?.['mtu'] ?? LEAST;
  const fragmented = (): number[] => (['alice', 'bob', 'router'] as const).map((host) => lab.fragmented(host));

  // Each IP version, MTU and place of the narrow link at least once: all of their combinations would take minutes.
  for (const [family, mtu, ends] of [
    [4, 1_280, 'router'],
    [4, 9_000, 'both'],
    [6, 1_500, 'router'],
    [6, 1_280, 'both'],
  ] as const) {
    const where = ends === 'both' ? 'known to both hosts' : "that alice's router has, behind jumbo frames";
    it(`IPv${family}, an MTU of ${mtu} ${where} -> found, and no packet is cut`, async () => {
      lab.setMtu('alice', mtu, ends);
      if (ends === 'both') lab.setMtu('bob', mtu);
      await serve(family);
      await fetch(SMALL);
      assert.equal(found(), mtu === 1_280 ? LEAST : mtu - HEADERS[family]);
      if (ends === 'both') assert.deepEqual(fragmented(), [0, 0, 0]);
      else assert.ok(Math.max(...fragmented()) < 2 * PROBES, `${fragmented()} packets were cut`);
    });
  }

  for (const [family, errors] of [
    [4, 'says nothing (black hole)'],
    [6, 'says so'],
  ] as const) {
    it(`IPv${family}, the MTU falls to 1,300 during a transfer and the router ${errors} -> every byte arrives`, async () => {
      lab.setMtu('alice', 1_500);
      lab.setMtu('bob', 1_500);
      await serve(family);
      if (errors !== 'says so') lab.loseErrors();
      await fetch(LARGE, () => lab.setMtu('alice', 1_300, 'router'));
      if (errors !== 'says so') assert.equal(found(), LEAST);
    });
  }
}

describeLab('path MTU over a router', tests);
