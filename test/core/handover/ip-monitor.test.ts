/** Lines of `ip -oneline monitor label link address route rule`, as iproute2 6.1 prints them. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Lines, networkChangeIn } from '../../../core/handover/ip-monitor';
import { SeededRandom } from '../../support/virtual-time';

const LINK = 'mtu 1500 qdisc noqueue state UP group default \\    link/ether 16:b9:22:02:b9:e5 brd ff:ff:ff:ff:ff:ff';
const FOREVER = '\\       valid_lft forever preferred_lft forever';

const lost = (interfaceName?: string) => ({ kind: 'lost', interfaceName });
const look = { kind: 'look' };

const cases: [line: string, change: object | undefined][] = [
  [`[ADDR]3: v0    inet 10.9.0.1/24 scope global v0${FOREVER}`, look],
  [`[ADDR]3: v0    inet6 fd09::1/64 scope global tentative ${FOREVER}`, look],
  [`[ADDR]Deleted 3: v0    inet6 fd09::1/64 scope global ${FOREVER}`, lost('v0')],
  [`Deleted 3: wlp0s20f3    inet 192.168.1.7/24 brd 192.168.1.255 scope global dynamic wlp0s20f3${FOREVER}`, lost('wlp0s20f3')], // prettier-ignore
  [`[ADDR]Deleted 3: v0    inet6 fe80::14b9:22ff:fe02:b9e5/64 scope link tentative ${FOREVER}`, undefined],
  [`[ADDR]2: v1    inet6 fe80::c43a:56ff:fedf:3892/64 scope link ${FOREVER}`, undefined],
  [`[LINK]3: v0@v1: <BROADCAST,MULTICAST,UP,LOWER_UP> ${LINK}`, look],
  [`[LINK]3: v0@v1: <BROADCAST,MULTICAST> ${LINK}`, lost('v0')],
  [`[LINK]3: v0@v1: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> ${LINK}`, lost('v0')],
  [`[LINK]3: eth0.7@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> ${LINK}`, look],
  ['[LINK]Deleted 7: veth1@if6: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group default ', lost('veth1')],
  [`[LINK]1: lo: <LOOPBACK,UP,LOWER_UP> ${LINK}`, undefined],
  ['[ROUTE]default via 10.9.0.2 dev v0 ', look],
  ['[ROUTE]Deleted default via 10.9.0.2 dev v0 ', lost('v0')],
  ['[ROUTE]Deleted default nhid 7 proto static metric 100 ', lost()],
  ['[ROUTE]10.9.0.0/24 dev v0 proto kernel scope link src 10.9.0.1 ', look],
  ['[ROUTE]Deleted 10.9.0.0/24 dev v0 proto kernel scope link src 10.9.0.1 ', look],
  ['[ROUTE]local 10.9.0.1 dev v0 table local proto kernel scope host src 10.9.0.1 ', undefined],
  ['[ROUTE]broadcast 10.9.0.255 dev v0 table local proto kernel scope link src 10.9.0.1 ', undefined],
  ['[ROUTE]multicast ff00::/8 dev v0 table local proto kernel metric 256 pref medium', undefined],
  ['[ROUTE]fe80::/64 dev v0 proto kernel metric 256 pref medium', undefined],
  ['[RULE]32765:\tfrom 10.0.0.2 lookup 100 ', look],
  ['[nsid current][ROUTE]default via 10.9.0.2 dev v0 ', look],
  ['Unknown message: type=0x00000044(68) flags=0x00000000(0) len=0x00000018(24)', look],
  ['', undefined],
  ['[ADDR]', undefined],
];

describe('lines of ip monitor', () => {
  for (const [line, change] of cases) {
    it(`${line.slice(0, 60) || 'an empty line'} -> ${JSON.stringify(change) ?? 'nothing'}`, () => {
      assert.deepEqual(networkChangeIn(line), change);
    });
  }

  it('noise, cut and mutated lines -> never throws', () => {
    const random = new SeededRandom(7);
    for (let i = 0; i < 5_000; i++) {
      const bytes = Buffer.from(cases[random.below(cases.length)]![0], 'latin1');
      for (let k = random.below(4); k >= 0 && bytes.length > 0; k--)
        bytes[random.below(bytes.length)] = random.below(256);
      networkChangeIn(bytes.toString('latin1', 0, random.below(bytes.length + 1)));
      networkChangeIn(Buffer.from(random.bytes(random.below(200))).toString('latin1'));
    }
  });

  it('bytes in pieces -> lines; one without end does not grow', () => {
    const seen: string[] = [];
    const lines = new Lines((line) => seen.push(line));
    for (const piece of ['a', 'b\nc', '\n\n', 'd']) lines.add(piece);
    assert.deepEqual(seen, ['ab', 'c', '']);
    for (let i = 0; i < 1_000; i++) lines.add('x'.repeat(1_000));
    lines.add('\n');
    assert(seen.at(-1)!.length <= 4_096);
  });
});
