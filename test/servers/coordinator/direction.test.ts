import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Endpoint } from '../../../core/wire/addresses';
import type { Situation } from '../../../servers/coordinator/candidates';
import { chooseDirection } from '../../../servers/coordinator/direction';

const endpoint = (address: string): Endpoint => ({ address, port: 4000 });
const side = (observed: string, host: string[], more: Partial<Situation> = {}): Situation => ({
  observed: [endpoint(observed)],
  host: host.map(endpoint),
  route: 'auto',
  ...more,
});
const hasRelay = { hasRelay: true, areNamed: false };
const namesRelays = { hasRelay: true, areNamed: true };
const hasNone = { hasRelay: false, areNamed: false };

const global4 = side('203.0.113.1', ['203.0.113.1', '127.0.0.1']);
const otherGlobal4 = side('203.0.113.2', ['203.0.113.2']);
const behindNat = side('198.51.100.1', ['192.168.1.2']);
const otherBehindNat = side('198.51.100.2', ['192.168.1.2']);
const sameNat = side('198.51.100.1', ['192.168.1.3']);
const global6 = side('2001:db8::1', ['2001:db8::1']);
const dualStack = side('203.0.113.3', ['203.0.113.3', '2001:db8::3']);
const loopback = side('127.0.0.1', ['127.0.0.1', '10.0.0.5']);
const loopbackOnly = side('127.0.0.1', []);
const loopback6 = side('::1', ['::1']);
const overTls: Situation = { ...global4, observed: [{ ...endpoint('203.0.113.1'), stream: true }] };
const nearDc = side('10.0.0.7', ['10.0.0.7', '172.17.0.1']);
const relayed = side('203.0.113.4', ['203.0.113.4'], { route: 'relay' });
const directOnly = side('198.51.100.5', ['192.168.1.5'], { route: 'direct' });
const firewalled = side('203.0.113.5', ['203.0.113.5'], { reach: { reachable: false, mapping: 'independent' } });
const open = side('203.0.113.6', ['203.0.113.6'], { reach: { reachable: true, mapping: 'independent' } });
const cone = side('198.51.100.7', ['192.168.7.2'], { reach: { reachable: true, mapping: 'independent' } });
const symmetric = side('198.51.100.8', ['192.168.8.2'], { reach: { reachable: false, mapping: 'dependent' } });
const restricted = side('198.51.100.9', ['192.168.9.2'], { reach: { reachable: false, mapping: 'independent' } });

type Requester = 'mn' | 'cn' | 'both';

describe('direction', () => {
  const direct: [string, Situation, Situation, Requester, endpointsOfMn: string[], endpointsOfCn: string[]][] = [
    ['both reachable', global4, otherGlobal4, 'cn', ['203.0.113.1'], ['203.0.113.2']],
    ['MN reachable, CN behind a NAT', global4, behindNat, 'cn', ['203.0.113.1'], ['198.51.100.1']],
    ['MN behind a NAT, CN reachable', behindNat, global4, 'mn', ['198.51.100.1'], ['203.0.113.1']],
    ['MN with IPv6 only, CN with both', global6, dualStack, 'cn', ['2001:db8::1'], ['2001:db8::3', '203.0.113.3']],
    ['both on the host of the DC', loopback, loopback, 'cn', ['127.0.0.1', '10.0.0.5'], ['127.0.0.1', '10.0.0.5']],
    ['both on its loopback only', loopbackOnly, loopbackOnly, 'cn', ['127.0.0.1'], ['127.0.0.1']],
    ['MN on the host of the DC, CN in its private network', loopback, nearDc, 'cn', ['10.0.0.5'], ['10.0.0.7']],
    ['MN behind a firewall, CN open', firewalled, open, 'mn', ['203.0.113.5'], ['203.0.113.6']],
    ['a NAT that lets in anybody, and CN open', cone, open, 'mn', ['198.51.100.7'], ['203.0.113.6']],
    // Perhaps it lets in only those whom the node has sent to: so the node sends, too.
    ['CN behind a NAT that lets strangers in', symmetric, cone, 'both', ['198.51.100.8'], ['198.51.100.7']],
    ['MN behind it, CN sends from one port', cone, restricted, 'both', ['198.51.100.7'], ['198.51.100.9']],
    ['both hidden, one wants a direct route', directOnly, behindNat, 'both', ['198.51.100.5'], ['198.51.100.1']],
  ];
  for (const [situation, mn, cn, requester, ofMn, ofCn] of direct) {
    it(`${situation}: chosen -> direct, ${requester} requests`, () => {
      const [endpointsOfMn, endpointsOfCn] = [ofMn.map(endpoint), ofCn.map(endpoint)];
      assert.deepEqual(chooseDirection(mn, cn, hasRelay), { route: 'direct', requester, endpointsOfMn, endpointsOfCn });
    });
  }

  const byRelay: [string, Situation, Situation, endpointsOfMn: string[], endpointsOfCn: string[]][] = [
    ['both behind NATs', behindNat, otherBehindNat, ['198.51.100.1'], ['198.51.100.2']],
    ['both behind one NAT', behindNat, sameNat, ['192.168.1.2', '198.51.100.1'], ['192.168.1.3', '198.51.100.1']],
    ['IPv4 only and IPv6 only', global4, global6, [], []],
    ['loopback of IPv4 and of IPv6', loopbackOnly, loopback6, [], []],
    ['MN on loopback only, CN elsewhere', loopbackOnly, otherGlobal4, [], []],
    ['MN on the host of the DC at a private address, CN far away', loopback, otherGlobal4, [], []],
    ['both reachable, one wants a relay', global4, relayed, [], []],
    ['both reachable, one over TLS only', global4, overTls, [], []],
    ['both over TLS only', overTls, overTls, [], []],
    ['both behind firewalls', firewalled, firewalled, ['203.0.113.5'], ['203.0.113.5']],
    ['a firewall and a NAT', firewalled, symmetric, ['203.0.113.5'], ['198.51.100.8']],
    // CN would send first and from a port that nobody knows; whether MN lets it in is not sure.
    [
      'MN behind a NAT that lets strangers in, CN sends from any port',
      cone,
      symmetric,
      ['198.51.100.7'],
      ['198.51.100.8'],
    ],
  ];
  for (const [situation, mn, cn, ofMn, ofCn] of byRelay) {
    it(`${situation}: chosen -> by a relay, and where to look beside`, () => {
      const [endpointsOfMn, endpointsOfCn] = [ofMn.map(endpoint), ofCn.map(endpoint)];
      assert.deepEqual(chooseDirection(mn, cn, hasRelay), { route: 'relay', endpointsOfMn, endpointsOfCn });
    });
  }

  it('behind one NAT that lets strangers in -> by a relay at first: it may let in nobody from inside', () => {
    const neighbour = side('198.51.100.7', ['192.168.7.3'], { reach: { reachable: true, mapping: 'independent' } });
    const { route } = chooseDirection(cone, neighbour, { hasRelay: true, areNamed: true });
    assert.equal(route, 'relay');
  });

  it('seems reachable, and will soon know: chosen -> direct, but to a NAT that sends from any port by a relay', () => {
    assert.equal(chooseDirection(global4, otherGlobal4, namesRelays).route, 'direct');
    assert.equal(chooseDirection(global4, restricted, namesRelays).route, 'direct');
    assert.equal(chooseDirection(global4, symmetric, namesRelays).route, 'relay');
    assert.equal(chooseDirection(open, symmetric, namesRelays).route, 'direct');
  });

  it('both hidden, and there is no relay: chosen -> direct, both request at once', () => {
    for (const [mn, cn] of [
      [behindNat, otherBehindNat],
      [firewalled, symmetric],
      [symmetric, cone],
    ] as const) {
      const direction = chooseDirection(mn, cn, hasNone);
      assert(direction.route === 'direct' && direction.requester === 'both');
    }
  });

  it('no IP version in common, and there is no relay: chosen -> by a relay, which will be refused', () => {
    assert.equal(chooseDirection(global4, global6, hasNone).route, 'relay');
  });

  it('one wants a relay, one a direct route; or a direct one with no IP version in common: chosen -> none', () => {
    const direct6 = { ...global6, route: 'direct' as const };
    for (const [mn, cn] of [
      [relayed, directOnly],
      [global4, direct6],
      [overTls, { ...otherGlobal4, route: 'direct' as const }],
    ] as const) {
      assert.deepEqual(chooseDirection(mn, cn, hasRelay), { route: 'none' });
      assert.deepEqual(chooseDirection(cn, mn, hasRelay), { route: 'none' });
    }
  });
});
