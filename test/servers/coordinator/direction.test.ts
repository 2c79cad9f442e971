import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import type { Endpoint } from '../../../core/wire/addresses';
import { chooseDirection, type Situation } from '../../../servers/coordinator/direction';

const endpoint = (address: string): Endpoint => ({ address, port: 4000 });
const side = (observed: string, host: string[], route: Situation['route'] = 'auto'): Situation => ({
  observed: [endpoint(observed)],
  host: host.map(endpoint),
  route,
});

const global4 = side('203.0.113.1', ['203.0.113.1', '127.0.0.1']);
const otherGlobal4 = side('203.0.113.2', ['203.0.113.2']);
const behindNat = side('198.51.100.1', ['192.168.1.2']);
const otherBehindNat = side('198.51.100.2', ['192.168.1.2']);
const global6 = side('2001:db8::1', ['2001:db8::1']);
const dualStack = side('203.0.113.3', ['203.0.113.3', '2001:db8::3']);
const loopback = side('127.0.0.1', ['127.0.0.1', '10.0.0.5']);
const loopbackOnly = side('127.0.0.1', []);
const loopback6 = side('::1', ['::1']);
const relayed = side('203.0.113.4', ['203.0.113.4'], 'relay');
const overTls: Situation = { ...global4, observed: [{ ...endpoint('203.0.113.1'), stream: true }] };
const directOnly = side('198.51.100.5', ['192.168.1.5'], 'direct');

describe('direction', () => {
  const direct: [string, Situation, Situation, 'mn' | 'cn', endpointsOfMn: string[], endpointsOfCn: string[]][] = [
    ['both reachable', global4, otherGlobal4, 'cn', ['203.0.113.1'], ['203.0.113.2']],
    ['MN reachable, CN behind a NAT', global4, behindNat, 'cn', ['203.0.113.1'], ['198.51.100.1', '192.168.1.2']],
    ['MN behind a NAT, CN reachable', behindNat, global4, 'mn', ['198.51.100.1', '192.168.1.2'], ['203.0.113.1']],
    ['MN with IPv6 only, CN with both', global6, dualStack, 'cn', ['2001:db8::1'], ['2001:db8::3']],
    ['both on the host of the DC', loopback, loopback, 'cn', ['127.0.0.1', '10.0.0.5'], ['127.0.0.1', '10.0.0.5']],
    ['both on its loopback only', loopbackOnly, loopbackOnly, 'cn', ['127.0.0.1'], ['127.0.0.1']],
    ['MN on the host of the DC, CN elsewhere', loopback, otherGlobal4, 'cn', ['10.0.0.5'], ['203.0.113.2']],
  ];
  for (const [situation, mn, cn, requester, ofMn, ofCn] of direct) {
    it(`${situation}: chosen -> direct, ${requester} requests`, () => {
      assert.deepEqual(chooseDirection(mn, cn), {
        route: 'direct',
        requester,
        endpointsOfMn: ofMn.map(endpoint),
        endpointsOfCn: ofCn.map(endpoint),
      });
    });
  }

  const others: [string, Situation, Situation, 'relay' | 'none'][] = [
    ['both behind NATs', behindNat, otherBehindNat, 'relay'],
    ['IPv4 only and IPv6 only', global4, global6, 'relay'],
    ['loopback of IPv4 and of IPv6', loopbackOnly, loopback6, 'relay'],
    ['MN on loopback only, CN elsewhere', loopbackOnly, otherGlobal4, 'relay'],
    ['both reachable, one wants a relay', global4, relayed, 'relay'],
    ['both reachable, one over TLS only', global4, overTls, 'relay'],
    ['both over TLS only', overTls, overTls, 'relay'],
    ['one over TLS only, one wants a direct route', overTls, { ...otherGlobal4, route: 'direct' }, 'none'],
    ['both behind NATs, one wants a direct route', directOnly, behindNat, 'none'],
    ['one wants a relay, one a direct route', relayed, directOnly, 'none'],
  ];
  for (const [situation, mn, cn, route] of others) {
    it(`${situation}: chosen -> ${route}`, () => {
      assert.equal(chooseDirection(mn, cn).route, route);
      assert.equal(chooseDirection(cn, mn).route, route);
    });
  }

  it('both behind NATs: chosen -> each is told where to look for the other', () => {
    assert.deepEqual(chooseDirection(behindNat, otherBehindNat), {
      route: 'relay',
      endpointsOfMn: ['198.51.100.1', '192.168.1.2'].map(endpoint),
      endpointsOfCn: ['198.51.100.2', '192.168.1.2'].map(endpoint),
    });
  });

  it('one wants a relay: chosen -> neither is told where the other is', () => {
    assert.deepEqual(chooseDirection(global4, relayed), { route: 'relay', endpointsOfMn: [], endpointsOfCn: [] });
  });

  it('more endpoints than a message carries: chosen -> twelve', () => {
    const many = side('203.0.113.1', ['203.0.113.1', ...Array.from({ length: 30 }, (_, i) => `203.0.113.${i + 10}`)]);
    const direction = chooseDirection(many, otherGlobal4);
    assert(direction.route === 'direct' && direction.endpointsOfMn.length === 12);
  });
});
