/** The NATs of the lab behave as their names say (RFC 4787 sections 4.1 and 5), seen by an observer on the internet. */
import assert from 'node:assert/strict';
import { describeLab } from '../support/lab';
import { INTERNET, OBSERVERS } from '../support/nat-lab/internet';
import { labProgram, NatLab } from '../support/nat-lab/nat-lab';
import type { Place } from '../support/nat-lab/place';
import { placeOf } from '../support/nat-lab/places';
import { portRestrictedAnew } from '../support/nat-lab/gateways/port-restricted';
import { killRunning } from '../support/processes';

interface Seen {
  readonly udp: boolean;
  readonly tcp: boolean;
  /** By each address and port of the observer. */
  readonly mapped: readonly string[];
  readonly otherPort: boolean;
  readonly otherAddress: boolean;
}

/** Of what stands between the place and the internet, all together. Other places have the same gateways. */
const EXPECTED: Readonly<Record<string, { mapping: 'one' | 'four'; lets: 'all' | 'address' | 'endpoint' }>> = {
  open: { mapping: 'one', lets: 'all' },
  firewalled: { mapping: 'one', lets: 'endpoint' },
  cone: { mapping: 'one', lets: 'all' },
  'address-restricted': { mapping: 'one', lets: 'address' },
  'port-restricted': { mapping: 'one', lets: 'endpoint' },
  symmetric: { mapping: 'four', lets: 'endpoint' },
  carrier: { mapping: 'one', lets: 'endpoint' },
  'carrier-symmetric': { mapping: 'four', lets: 'endpoint' },
  'short-timeout': { mapping: 'one', lets: 'endpoint' },
};

describeLab('the NATs of the lab', function () {
  this.timeout(60_000);
  let lab: NatLab;

  before(async () => {
    lab = new NatLab();
    await lab.plain(INTERNET, [labProgram('udp-observer.cjs'), ...OBSERVERS]).line();
  });
  after(async () => {
    assert.deepEqual(await lab.close(), []);
    assert.deepEqual(await killRunning(), [], 'no program is left running');
  });

  const probe = (place: Place, ...expected: 'silence'[]): Promise<Seen> =>
    lab.plain({ place, copy: 1 }, [labProgram('udp-prober.cjs'), ...OBSERVERS, ...expected]).json<Seen>();

  for (const [name, expected] of Object.entries(EXPECTED)) {
    const place = placeOf(name);
    it(`${name}: four observers and one stranger -> mapped to ${expected.mapping}, lets in ${expected.lets}`, async () => {
      const { mapped, otherPort, otherAddress } = await probe(place);
      assert.equal(new Set(mapped).size, expected.mapping === 'one' ? 1 : 4, `mapped to ${mapped.join(', ')}`);
      const outside = lab.outside({ place, copy: 1 });
      assert.deepEqual(new Set(mapped.map((endpoint) => endpoint.split(':')[0])), new Set([outside]));
      assert.deepEqual(
        { otherPort, otherAddress },
        { otherPort: expected.lets !== 'endpoint', otherAddress: expected.lets === 'all' },
      );
    });
  }

  it('udp-blocked: an observer -> no datagram comes back, TCP to port 443 does', async () => {
    assert.deepEqual(await probe(placeOf('udp-blocked'), 'silence'), { udp: false, tcp: true });
  });

  it('port-restricted: the gateway is rebooted -> other ports from then on, still one for all', async () => {
    const at = { place: placeOf('port-restricted'), copy: 1 } as const;
    await lab.reboot(at, portRestrictedAnew);
    const { mapped, otherPort } = await probe(at.place);
    assert.equal(new Set(mapped).size, 1);
    const port = Number(mapped[0]!.split(':')[1]);
    assert.ok(port >= 10_000 && port < 20_000, `outside port ${port}`);
    assert.equal(otherPort, false);
  });
});
