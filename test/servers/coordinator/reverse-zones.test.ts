/** Names of virtual addresses, several name servers, and how many answers one network gets. */
import assert from 'node:assert/strict';
import dns, { type DecodedPacket } from 'dns-packet';
import { describe, it } from 'mocha';
import { AddressPool } from '../../../servers/coordinator/address-pool';
import { DnsServer } from '../../../servers/coordinator/dns-server';
import { reverseZones } from '../../../servers/coordinator/reverse-zones';
import type { Zone } from '../../../servers/coordinator/zone';
import { RateLimit } from '../../../servers/rate-limit';
import { memoryStore } from '../../support/memory-store';
import { VirtualTime } from '../../support/virtual-time';

const common = { serial: 7, nameServers: ['dc.ntm.test', 'ns2.ntm.test', 'ns.else.test'], hostmaster: 'h.ntm.test' };
const forward: Zone = {
  ...common,
  name: 'ntm.test',
  find: async (fqdn) =>
    ({
      'dc.ntm.test': { ipv4: ['192.0.2.1'], ipv6: ['2001:db8::1'] },
      'ns2.ntm.test': { ipv4: ['192.0.2.2'], ipv6: [] },
    })[fqdn],
};

async function network(ipv4Block: string) {
  const options = { zone: 'ntm.test', ipv4Block, ipv6Prefix: 'fd12:3456:789a:1::/64' };
  const { assignments } = memoryStore();
  const pool = new AddressPool(options, assignments);
  for (let i = 1; i <= 300; i++) await pool.assign(`n${i}.ntm.test`);
  const zones = [forward, ...reverseZones(options, pool, common)];
  return { pool, zones, server: new DnsServer(zones) };
}

async function ask(server: DnsServer, name: string, type: string) {
  const query = dns.encode({ type: 'query', id: 7, questions: [{ name, type: type as 'A' }] });
  const answer = await server.answer(query, 'tcp');
  const packet = dns.decode(Buffer.from(answer!)) as DecodedPacket & { rcode: string };
  const said = (packet.answers ?? []).map((record) => ('data' in record ? String(record.data) : ''));
  const further = (packet.additionals ?? []).map(
    (record) => `${record.name} ${'data' in record ? String(record.data) : ''}`,
  );
  return { rcode: packet.rcode, said, further, authorities: packet.authorities ?? [] };
}

describe('reverse zones', () => {
  const own = '1.0.0.0.a.9.8.7.6.5.4.3.2.1.d.f.ip6.arpa';
  const table: [name: string, type: string, rcode: string, said: string[]][] = [
    ['1.32.18.198.in-addr.arpa', 'PTR', 'NOERROR', ['n1.ntm.test']],
    ['44.33.18.198.in-addr.arpa', 'PTR', 'NOERROR', ['n300.ntm.test']],
    ['44.33.18.198.in-addr.arpa', 'A', 'NOERROR', []],
    ['45.33.18.198.in-addr.arpa', 'PTR', 'NXDOMAIN', []],
    ['0.32.18.198.in-addr.arpa', 'PTR', 'NXDOMAIN', []],
    ['01.32.18.198.in-addr.arpa', 'PTR', 'NXDOMAIN', []],
    ['256.32.18.198.in-addr.arpa', 'PTR', 'NXDOMAIN', []],
    ['1.1.32.18.198.in-addr.arpa', 'PTR', 'NXDOMAIN', []],
    ['63.18.198.in-addr.arpa', 'NS', 'NOERROR', common.nameServers.slice()],
    ['1.64.18.198.in-addr.arpa', 'PTR', 'REFUSED', []], // another DC's
    ['18.198.in-addr.arpa', 'SOA', 'REFUSED', []],
    [`1.${'0.'.repeat(15)}${own}`, 'PTR', 'NOERROR', ['n1.ntm.test']],
    [`c.2.1.${'0.'.repeat(13)}${own}`, 'PTR', 'NOERROR', ['n300.ntm.test']],
    [`d.2.1.${'0.'.repeat(13)}${own}`, 'PTR', 'NXDOMAIN', []],
    [`0.0.${own}`, 'PTR', 'NOERROR', []], // names below it
    [`f.${own}`, 'PTR', 'NXDOMAIN', []],
    [`x.${own}`, 'PTR', 'NXDOMAIN', []],
  ];
  for (const [name, type, rcode, said] of table) {
    it(`${name.slice(0, 40)}: ${type} -> ${rcode} ${said.join(' ')}`, async () => {
      const { server } = await network('198.18.32.0/19');
      const answer = await ask(server, name, type);
      assert.deepEqual([answer.rcode, answer.said], [rcode, said]);
    });
  }

  it('a /19 is 32 zones, a /15 two, a /26 none; of IPv6 there always is one', async () => {
    for (const [block, count] of [
      ['198.18.32.0/19', 32],
      ['198.18.0.0/15', 2],
      ['198.18.0.0/26', 0],
    ] as const) {
      const { zones } = await network(block);
      assert.equal(zones.length, 1 + count + 1, block);
    }
  });

  it('a /15: an address two labels deep -> its name; the label between -> no data', async () => {
    const { server } = await network('198.18.0.0/15');
    assert.deepEqual((await ask(server, '44.1.18.198.in-addr.arpa', 'PTR')).said, ['n300.ntm.test']);
    assert.equal((await ask(server, '1.18.198.in-addr.arpa', 'PTR')).rcode, 'NOERROR');
  });

  it('a node beyond the 65,535th -> an IPv6 address of two groups, found again', async () => {
    const options = { zone: 'z', ipv4Block: '198.18.0.0/15', ipv6Prefix: 'fd12:3456:789a:1::/64' };
    const { assignments } = memoryStore();
    const late = { ...assignments, assign: async () => 70_000, nameOf: async (_: string, n: number) => `n${n}.z` };
    const pool = new AddressPool(options, late);
    const addresses = (await pool.assign('late.z'))!;
    assert.deepEqual(addresses, { ipv4: '198.19.17.112', ipv6: 'fd12:3456:789a:1::1:1170' });
    for (const address of [addresses.ipv4, addresses.ipv6]) assert.equal(await pool.nameOf(address), 'n70000.z');
  });
});

describe('name servers', () => {
  it('several: NS -> all, with the addresses of those in the zone', async () => {
    const { server } = await network('198.18.32.0/19');
    const { said, further } = await ask(server, 'ntm.test', 'NS');
    assert.deepEqual(said, common.nameServers);
    assert.deepEqual(further, ['dc.ntm.test 192.0.2.1', 'dc.ntm.test 2001:db8::1', 'ns2.ntm.test 192.0.2.2']);
  });
});

describe('a flood of questions by UDP', () => {
  it('beyond the limit -> every other one gets TC and no more bytes than it had, the rest nothing; others are answered', async () => {
    const time = new VirtualTime();
    const server = new DnsServer([forward], new RateLimit(time, { burst: 10, refillMs: 100 }));
    const query = dns.encode({ type: 'query', id: 7, questions: [{ name: 'ntm.test', type: 'NS' }] });
    const from = async (source: string, count: number) => {
      const answers: (Uint8Array | undefined)[] = [];
      for (let i = 0; i < count; i++) answers.push(await server.answer(query, 'udp', source));
      return answers;
    };
    const answers = await from('203.0.113.1', 30);
    assert(answers.slice(0, 10).every((answer) => answer && answer.length > query.length));
    const beyond = answers.slice(10).map((answer) => (answer ? answer.length : 0));
    assert.deepEqual(
      beyond,
      Array.from({ length: 20 }, (_, i) => (i % 2 ? query.length : 0)),
    );
    const slipped = dns.decode(Buffer.from(answers[11]!));
    assert.deepEqual([slipped.flag_tc, slipped.answers?.length], [true, 0]);
    assert.equal((await from('203.0.113.200', 1))[0], undefined, 'the same network');
    assert((await from('198.51.100.1', 1))[0]);
    assert(await server.answer(query, 'tcp'), 'TCP is answered');
    time.advance(100);
    assert((await from('203.0.113.1', 1))[0]!.length > query.length);
    assert.equal(server.drops.get('too many questions'), 11);
  });
});
