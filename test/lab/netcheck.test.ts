/** `ntmobile netcheck` behind NATs of nftables: what it says is what they do. */
import assert from 'node:assert/strict';
import { describeLab } from '../support/lab';
import { RouterLab, type Host, type NatKind } from '../support/router-lab';

interface Findings {
  readonly udp: boolean;
  readonly ipv4: { readonly nat: boolean; readonly mapping: string; readonly filtering: string; outside: string[] };
  readonly ipv6: { readonly works: boolean };
  readonly relays: readonly { readonly name: string; readonly rttMs: number }[];
  readonly nearest: string;
}

describeLab('netcheck behind real NATs', function () {
  this.timeout(60_000);
  const lab = new RouterLab();

  before(() => lab.startBehindNats());
  after(async () => {
    assert.deepEqual(await lab.stop(), [], 'no program is left running');
  });

  async function netcheck(host: Host, ...args: string[]): Promise<Findings> {
    const program = lab.command(host, ['netcheck', '--json', ...args]);
    const line = await program.line();
    assert.equal((await program.ended).code, 0);
    return JSON.parse(line) as Findings;
  }

  const expected: [Host, NatKind, mapping: string, filtering: string][] = [
    ['alice', 'symmetric', 'dependent', 'address-and-port-dependent'],
    ['bob', 'port restricted', 'endpoint-independent', 'address-and-port-dependent'],
    ['alice', 'full cone', 'endpoint-independent', 'open'],
  ];

  it('symmetric, port restricted, full cone -> told apart, with the outside address and the relay', async () => {
    const check = async ([host, kind, mapping, filtering]: (typeof expected)[number]): Promise<void> => {
      lab.setNat(host, kind);
      const { udp, ipv4, ipv6, relays, nearest } = await netcheck(host);
      assert.deepEqual([ipv4.mapping, ipv4.filtering], [mapping, filtering], kind);
      assert.deepEqual([udp, ipv4.nat, ipv6.works], [true, true, false]);
      assert.deepEqual(
        new Set(ipv4.outside.map((endpoint) => endpoint.split(':')[0])),
        new Set([lab.address(host, 4)]),
      );
      assert.deepEqual(
        relays.map(({ name }) => name),
        ['rs.ntm.internal'],
      );
      assert.equal(nearest, 'rs.ntm.internal');
    };
    await Promise.all([check(expected[0]!), check(expected[1]!)]);
    await check(expected[2]!);
  });

  it('without an account, from one relay -> filtering and round trip; how the NAT maps takes two to tell', async () => {
    const { address, port } = lab.network.servers.rs as { address: string; port: number };
    const { ipv4, relays } = await netcheck('bob', '--relay', `${address}:${port}`);
    assert.deepEqual([ipv4.nat, ipv4.mapping, ipv4.filtering], [true, null, 'address-and-port-dependent']);
    assert.deepEqual(
      relays.map(({ name }) => name),
      [`${address}:${port}`],
    );
  });
});
