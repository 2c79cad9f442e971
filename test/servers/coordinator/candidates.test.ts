import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Endpoint } from '../../../core/wire/addresses';
import { scopeOf } from '../../../core/wire/address-scope';
import { candidatesOf, type Situation } from '../../../servers/coordinator/candidates';

const endpoint = (address: string, port = 4000): Endpoint => ({ address, port });
const node = (observed: string[], host: string[], outside: string[] = []): Situation => ({
  observed: observed.map((address) => endpoint(address)),
  host: host.map((address) => endpoint(address)),
  route: 'auto',
  reach: { outside: outside.map((address) => endpoint(address)) },
});
const offered = (of: Situation, to: Situation): string[] => candidatesOf(of, to, [6, 4]).map(({ address }) => address);

const stranger = node(['203.0.113.99'], ['203.0.113.99']);

describe('candidates', () => {
  const scopes: [string, string[]][] = [
    ['global', ['203.0.113.1', '100.63.0.1', '100.128.0.1', '172.15.0.1', '172.32.0.1', '2001:db8::1']],
    [
      'private',
      ['10.1.2.3', '172.16.0.1', '172.31.255.1', '192.168.0.1', '100.64.0.1', '100.127.0.1', 'fd00::1', 'FC00::1'],
    ],
    ['loopback', ['127.0.0.1', '127.9.9.9', '::1', '0:0:0:0:0:0:0:1']],
    [
      'never',
      [
        '0.0.0.0',
        '169.254.1.1',
        '224.0.0.1',
        '255.255.255.255',
        '::',
        'fe80::1',
        'FE80::1',
        'ff02::1',
        '::ffff:10.0.0.1',
        '64:ff9b::1',
        'fe80::1%eth0',
      ],
    ],
  ];
  for (const [scope, addresses] of scopes) {
    for (const address of addresses) it(`${address} -> ${scope}`, () => assert.equal(scopeOf(address), scope));
  }

  it('observed, outside, host, some of them the same -> each once, in this order, IPv6 first as asked', () => {
    const many = node(['203.0.113.1'], ['203.0.113.1', '203.0.113.7', '2001:db8::7'], ['203.0.113.8', '203.0.113.1']);
    assert.deepEqual(offered(many, stranger), ['2001:db8::7', '203.0.113.1', '203.0.113.8', '203.0.113.7']);
  });

  it('what no node should be sent to -> not offered, whoever says so', () => {
    const wrong = ['224.0.0.1', '169.254.1.1', '127.0.0.1', '0.0.0.0', '255.255.255.255', 'fe80::1', 'ff02::1', '::1'];
    assert.deepEqual(offered(node(['203.0.113.1'], wrong, wrong), stranger), ['203.0.113.1']);
  });

  it('private addresses, seen from another outside address -> not offered, though the prefix be the same', () => {
    const mn = node(['198.51.100.1'], ['192.168.1.2']);
    assert.deepEqual(offered(mn, node(['198.51.100.2'], ['192.168.1.3'])), ['198.51.100.1']);
    assert.deepEqual(offered(mn, stranger), ['198.51.100.1']);
  });

  it('private addresses, seen from the same outside address -> offered, first', () => {
    const mn = node(['198.51.100.1'], ['192.168.1.2', 'fd00:1::2']);
    const cn = node(['198.51.100.1'], ['192.168.5.3', 'fd00:1::3']);
    assert.deepEqual(offered(mn, cn), ['fd00:1::2', '192.168.1.2', '198.51.100.1']);
  });

  it('the same outside address, but only a relay server has seen it -> the same', () => {
    const mn = node(['2001:db8:1::1'], ['192.168.1.2'], ['198.51.100.1']);
    const cn = node(['2001:db8:2::1'], ['192.168.1.3'], ['198.51.100.1']);
    assert.deepEqual(offered(mn, cn).includes('192.168.1.2'), true);
  });

  it('on the same link as far as can be told: IPv4 seen by nobody, or a unique local prefix -> offered', () => {
    const mn = node(['2001:db8:1::1'], ['192.168.1.2', 'fd12:3456:789a:1::2']);
    const cn = node(['2001:db8:2::1'], ['192.168.1.3', 'fd12:3456:789a:1::3']);
    assert.deepEqual(offered(mn, cn), ['2001:db8:1::1', 'fd12:3456:789a:1::2', '192.168.1.2']);
    const elsewhere = node(['2001:db8:2::1'], ['192.168.2.3', 'fd12:3456:789a:2::3']);
    assert.deepEqual(offered(mn, elsewhere), ['2001:db8:1::1']);
  });

  it("the correspondent's own private address, behind another NAT (Figure 9) -> not offered", () => {
    const mn = node(['2001:db8:1::1'], ['192.168.1.2']);
    assert.deepEqual(offered(mn, node(['2001:db8:2::1'], ['192.168.1.2'])), ['2001:db8:1::1']);
  });

  it('the DC is in a private network, with both nodes -> what it has seen is offered, and no other network of theirs', () => {
    const mn = node(['10.1.0.2'], ['10.1.0.2', '172.17.0.1']);
    assert.deepEqual(offered(mn, node(['10.2.0.2'], ['10.2.0.2', '172.17.0.1'])), ['10.1.0.2']);
    assert.deepEqual(offered(mn, stranger), []);
  });

  it('more than a message carries -> twelve, and no more bytes than there is room for', () => {
    const many4 = Array.from({ length: 30 }, (_, i) => `203.0.113.${i + 10}`);
    assert.equal(offered(node(['203.0.113.1'], many4), stranger).length, 12);
    const many6 = Array.from({ length: 12 }, (_, i) => `2001:db8:1111:2222:3333:4444:5555:${6660 + i}`);
    assert.equal(offered(node(['203.0.113.1'], many6), stranger).length, 9);
  });
});
