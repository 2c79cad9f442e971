/** Port mapping with Debian's miniupnpd on the router: from outside, through it, to a host behind it. */
import assert from 'node:assert/strict';
import { HomeRouterLab, HOST_IPV6, mapped, ROUTER_OUTSIDE } from '../support/home-router-lab';
import { describeLab } from '../support/lab';
import type { Program } from '../support/processes';
import { describeWith } from '../support/servers';

describeLab('port mapping', () => {
  describeWith(['miniupnpd'], 'miniupnpd on the router', function () {
    this.timeout(60_000);
    const lab = new HomeRouterLab();
    const ports = { pcp: 40_001, 'nat-pmp': 40_002, upnp: 40_003 };
    const mappers = new Map<string, Program>();
    const outside = (port: number) => ({ address: ROUTER_OUTSIDE, port });

    before(async () => {
      await lab.start();
      for (const [protocol, port] of Object.entries(ports)) mappers.set(protocol, lab.mapper(port, 4, protocol));
    });
    after(async () => assert.deepEqual(await lab.stop(), []));

    for (const [protocol, port] of Object.entries(ports)) {
      it(`${protocol}: a host asks for a port -> a datagram from outside arrives there`, async () => {
        const mapper = mappers.get(protocol)!;
        await mapper.line(mapped(protocol, outside(port)));
        await lab.arrives(mapper, outside(port), 'first');
      });
    }

    it('IPv6, PCP: a host asks for its own port -> a datagram from outside arrives, and no more when it has ended', async () => {
      const endpoint = { address: HOST_IPV6, port: 40_006 };
      const mapper = lab.mapper(endpoint.port, 6, 'pcp');
      await mapper.line(mapped('pcp', endpoint));
      await lab.arrives(mapper, endpoint, 'by IPv6');
      mapper.terminate();
      await mapper.finish();
      await lab.letsInNoMore(endpoint.port);
    });

    it('mapped by each: the router starts anew -> datagrams arrive again', async () => {
      for (const port of Object.values(ports)) assert.equal(lab.letsIn(port), true);
      await lab.routerIsOlderThan(4);
      await lab.restartRouter();
      await Promise.all(
        Object.entries(ports).map(([protocol, port]) => lab.arrives(mappers.get(protocol)!, outside(port), 'again')),
      );
    });

    for (const [protocol, port] of Object.entries(ports)) {
      it(`${protocol}: the host ends -> its mapping is gone`, async () => {
        assert.equal(lab.letsIn(port), true);
        const mapper = mappers.get(protocol)!;
        mapper.terminate();
        await mapper.finish();
        await lab.letsInNoMore(port);
      });
    }

    it('a router that speaks all three: a host asks -> one mapping, by PCP', async () => {
      const mapper = lab.mapper(40_007, 4, 'pcp,nat-pmp,upnp');
      await mapper.line(mapped('pcp', outside(40_007)));
      mapper.terminate();
      await mapper.finish();
      await lab.letsInNoMore(40_007);
    });
  });
});
