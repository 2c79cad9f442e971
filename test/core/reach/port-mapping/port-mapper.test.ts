/** A host behind a home router, in virtual time. */
import assert from 'node:assert/strict';
import { PortMapper, type PortMapperOptions } from '../../../../core/reach/port-mapping/port-mapper';
import { formatEndpoint } from '../../../../core/wire/addresses';
import { FakeRouter, OUTSIDE, type FakeRouterOptions } from '../../../support/fake-router';
import { pass, settle } from '../../../support/memory-datagrams';
import { SeededRandom, VirtualTime } from '../../../support/virtual-time';

const PORT = 40_000;
const HOUR_MS = 3_600_000;

describe('port mapper', () => {
  let time: VirtualTime;
  let router: FakeRouter;
  let mapper: PortMapper;
  let told: (string | undefined)[];

  async function start(options: FakeRouterOptions, more: Partial<PortMapperOptions> = {}): Promise<void> {
    time = new VirtualTime();
    router = new FakeRouter(time, options);
    told = [];
    const onMapped: PortMapperOptions['onMapped'] = (endpoint) => told.push(endpoint && formatEndpoint(endpoint));
    mapper = new PortMapper({ ...router.ports(), onMapped, ...more });
    mapper.start({ internalPort: PORT, family: 4 });
    await pass(time, 10_000);
  }

  afterEach(async () => {
    await settle(time, mapper.close());
    await pass(time, 10);
    assert.deepEqual([time.pendingCount, router.openSockets, router.openGroups], [0, 0, 0]);
    if (router.options.speaks.length > 0) assert.deepEqual([...router.mappings], [], 'a mapping is left at the router');
  });

  for (const protocol of ['pcp', 'nat-pmp', 'upnp'] as const) {
    describe(protocol, () => {
      it('a router speaks it: started -> mapped; closed -> taken away', async () => {
        await start({ speaks: [protocol] });
        assert.deepEqual(told, [`${OUTSIDE}:${PORT}`]);
        assert.deepEqual([...router.mappings], [[PORT, PORT]]);
        assert.deepEqual([mapper.report.state, mapper.report.protocol], ['mapped', protocol]);
        await settle(time, mapper.close());
        assert.deepEqual([told.at(-1), mapper.report.state], [undefined, 'off']);
      });

      it('the port is another host’s: mapped -> another port', async () => {
        time = new VirtualTime();
        router = new FakeRouter(time, { speaks: [protocol] });
        router.taken.add(PORT);
        told = [];
        mapper = new PortMapper({ ...router.ports(), onMapped: (endpoint) => told.push(String(endpoint?.port)) });
        mapper.start({ internalPort: PORT, family: 4 });
        await pass(time, 10_000);
        assert.deepEqual(told, [String(PORT + 1)]);
      });

      it('mapped: half the lifetime goes by -> renewed, every time, and silent in between', async () => {
        await start({ speaks: [protocol] });
        const before = router.asked.length;
        await pass(time, HOUR_MS / 2 - 10_001);
        assert.equal(router.asked.length, before, 'silent');
        await pass(time, HOUR_MS / 8);
        const perRenewal = router.asked.length - before;
        assert.ok(perRenewal > 0, 'renewed');
        await pass(time, 10 * HOUR_MS);
        const most = Math.ceil((10 * HOUR_MS) / (HOUR_MS / 2)) * perRenewal;
        assert.ok(router.asked.length - before - perRenewal <= most, 'no more than once each half lifetime');
        assert.deepEqual(told, [`${OUTSIDE}:${PORT}`], 'it stays the same');
      });

      it('mapped: the router starts anew, and says so -> mapped again', async () => {
        await start({ speaks: [protocol] });
        await pass(time, 60_000);
        router.restart();
        assert.equal(router.mappings.size, 0);
        await pass(time, 5_000);
        assert.deepEqual([...router.mappings], [[PORT, PORT]]);
        assert.deepEqual(told, [`${OUTSIDE}:${PORT}`]);
      });

      it('mapped: the router has another address outside after a start -> told', async () => {
        await start({ speaks: [protocol] });
        router.options = { speaks: [protocol], outside: '203.0.113.8' };
        router.restart();
        await pass(time, 10_000);
        assert.deepEqual(told, [`${OUTSIDE}:${PORT}`, `203.0.113.8:${PORT}`]);
      });

      it('mapped: the router is silent from then on -> over with its lifetime, and asked for ever less often', async () => {
        await start({ speaks: [protocol] });
        router.options = { speaks: [] };
        await pass(time, HOUR_MS - 20_000);
        assert.deepEqual(told, [`${OUTSIDE}:${PORT}`]);
        await pass(time, 30_000);
        assert.deepEqual(told, [`${OUTSIDE}:${PORT}`, undefined]);
        await pass(time, 10 * HOUR_MS);
        const before = router.asked.length;
        await pass(time, 10 * HOUR_MS);
        assert.ok(router.asked.length - before <= 11 * 15, `${router.asked.length - before} packets in ten hours`);
        router.options = { speaks: [protocol] };
        await pass(time, HOUR_MS + 60_000);
        assert.deepEqual(told.at(-1), `${OUTSIDE}:${PORT}`, 'it is back');
      });

      it('the router is behind another NAT: started -> no endpoint, and said why', async () => {
        for (const outside of ['100.64.0.9', '10.0.0.9', '192.168.1.9']) {
          await start({ speaks: [protocol], outside });
          assert.deepEqual([told, mapper.report.state, mapper.report.doubleNat], [[], 'none', outside]);
          assert.deepEqual([...router.mappings], []);
        }
      });

      it('a third of all datagrams is lost: started -> mapped', async () => {
        time = new VirtualTime();
        router = new FakeRouter(time, { speaks: [protocol] });
        const random = new SeededRandom(1);
        router.answer = () => (random.chance(1 / 3) ? [] : undefined);
        told = [];
        mapper = new PortMapper({ ...router.ports(), onMapped: (endpoint) => told.push(endpoint?.address) });
        mapper.start({ internalPort: PORT, family: 4 });
        await pass(time, 60_000);
        assert.deepEqual(told, [OUTSIDE]);
        router.answer = undefined;
      });
    });
  }

  for (const protocol of ['pcp', 'nat-pmp'] as const) {
    it(`${protocol}: closed, and the first request is lost -> taken away before it is settled`, async () => {
      await start({ speaks: [protocol] });
      let lost = 0;
      router.answer = () => (lost++ === 0 ? [] : undefined);
      await settle(time, mapper.close());
      assert.deepEqual([...router.mappings, lost], [2]);
    });

    it(`${protocol}: closed, and the router is gone -> settled within a second`, async () => {
      await start({ speaks: [protocol] });
      router.options = { speaks: [] };
      const before = time.now();
      await settle(time, mapper.close());
      assert.ok(time.now() - before <= 1_000, `${time.now() - before} ms`);
    });
  }

  /** Of PCP: takes a mapping away. */
  const isUnmapping = (request: Uint8Array): boolean =>
    request[0] === 2 && request[1] === 1 && Buffer.from(request).readUInt32BE(4) === 0;

  /** Returns how many have been asked for until now. */
  function loseFirstUnmapping(before: (request: Uint8Array) => void = () => {}): () => number {
    let unmappings = 0;
    router.answer = (request) => {
      before(request);
      return isUnmapping(request) && unmappings++ === 0 ? [] : undefined;
    };
    return () => unmappings;
  }

  /** The same, and all else is refused. */
  const refuseRenewal = (): (() => number) =>
    loseFirstUnmapping((request) => (router.options = { speaks: ['pcp'], result: isUnmapping(request) ? 0 : 2 }));

  it('pcp: mapped, and not renewed; the request that takes it away is lost -> over at once, and sent again', async () => {
    await start({ speaks: ['pcp'] });
    const unmappings = refuseRenewal();
    time.runUntil(() => told.length > 1);
    assert.deepEqual([told.at(-1), mapper.report.state], [undefined, 'looking']);
    await pass(time, 10_000);
    assert.deepEqual([[...router.mappings], unmappings(), mapper.report.state], [[], 2, 'none']);
  });

  it('pcp: mapped, not renewed, and closed before it is taken away -> taken away', async () => {
    await start({ speaks: ['pcp'] });
    refuseRenewal();
    time.runUntil(() => told.length > 1);
    await settle(time, mapper.close());
    assert.deepEqual([[...router.mappings], mapper.report.state], [[], 'off']);
  });

  it('pcp: behind another NAT, and the request that takes the mapping away is lost -> sent again', async () => {
    time = new VirtualTime();
    router = new FakeRouter(time, { speaks: ['pcp'], outside: '10.0.0.9' });
    const unmappings = loseFirstUnmapping();
    mapper = new PortMapper({ ...router.ports(), onMapped: () => {} });
    mapper.start({ internalPort: PORT, family: 4 });
    await pass(time, 10_000);
    assert.deepEqual([[...router.mappings], unmappings(), mapper.report.doubleNat], [[], 2, '10.0.0.9']);
  });

  it('pcp: closed -> all zeros suggested with the request that takes the mapping away', async () => {
    await start({ speaks: ['pcp'] });
    let unmapping: Uint8Array = new Uint8Array(0);
    router.answer = (request) => {
      if (isUnmapping(request)) unmapping = request;
      return undefined;
    };
    await settle(time, mapper.close());
    const suggested = Buffer.from(unmapping.subarray(42)).toString('hex'); // port and address
    assert.equal(suggested, '0000' + '00000000000000000000ffff00000000');
  });

  it('the router speaks all three: started -> by PCP, and nothing by the others', async () => {
    await start({ speaks: ['pcp', 'nat-pmp', 'upnp'] });
    assert.equal(mapper.report.protocol, 'pcp');
    assert.deepEqual([...router.mappings], [[PORT, PORT]]);
    assert.ok(!router.asked.some((each) => each.endsWith('PortMapping')));
  });

  it('the router refuses PCP, and speaks UPnP: started -> by UPnP, with the reason for the other', async () => {
    await start({ speaks: ['pcp', 'upnp'], result: 2 });
    assert.equal(mapper.report.protocol, 'upnp');
    assert.deepEqual(Object.fromEntries(mapper.report.refusals), { pcp: 'not authorized' });
  });

  it('IGD:1, the port is taken: started -> a random one', async () => {
    time = new VirtualTime();
    router = new FakeRouter(time, { speaks: ['upnp'], igd: 1 });
    router.taken.add(PORT);
    told = [];
    mapper = new PortMapper({ ...router.ports(), onMapped: (endpoint) => told.push(String(endpoint?.port)) });
    mapper.start({ internalPort: PORT, family: 4 });
    await pass(time, 10_000);
    assert.ok(Number(told[0]) >= 49_152, told.join());
    assert.deepEqual([...router.mappings], [[Number(told[0]), PORT]]);
  });

  it('nobody answers: started -> none, a few packets, and silence for days', async () => {
    await start({ speaks: [] });
    await pass(time, 20_000);
    assert.equal(mapper.report.state, 'none');
    const sent = router.asked.length;
    assert.ok(sent <= 16, `${sent} packets`);
    await pass(time, 100 * HOUR_MS);
    assert.deepEqual([router.asked.length, time.pendingCount, router.openSockets], [sent, 0, 0]);
  });

  it('refused for now: started -> asked again, not before its time, and less and less often', async () => {
    await start({ speaks: ['pcp'], result: 8, lifetimeS: 1_800 });
    await pass(time, 20_000);
    assert.equal(mapper.report.refusals.get('pcp'), 'no resources');
    const sent = router.asked.length;
    await pass(time, 1_700_000);
    assert.equal(router.asked.length, sent);
    router.options = { speaks: ['pcp'] };
    await pass(time, 200_000);
    assert.deepEqual(told, [`${OUTSIDE}:${PORT}`]);
  });

  it('lifetimes of nothing and of for ever: started -> refused, and a day at most', async () => {
    for (const protocol of ['pcp', 'nat-pmp'] as const) {
      await start({ speaks: [protocol], lifetimeS: 0 });
      await pass(time, 60_000);
      assert.deepEqual([told, mapper.report.state], [[], 'none']);
      router.mappings.clear();
      await settle(time, mapper.close());
      await start({ speaks: [protocol], lifetimeS: 2 ** 32 - 1 });
      assert.equal(told.length, 1);
      const sent = router.asked.length;
      await pass(time, 11 * HOUR_MS);
      assert.equal(router.asked.length, sent);
      await pass(time, 5 * HOUR_MS);
      assert.ok(router.asked.length > sent, 'renewed within the day');
      await settle(time, mapper.close());
    }
  });

  it('mapped: the host moves -> over at once, asked for anew, without a word to the old router', async () => {
    await start({ speaks: ['pcp'] });
    mapper.start({ internalPort: PORT, family: 4 });
    assert.deepEqual(told, [`${OUTSIDE}:${PORT}`, undefined]);
    assert.deepEqual([...router.mappings], [[PORT, PORT]]);
    await pass(time, 10_000);
    assert.deepEqual(told, [`${OUTSIDE}:${PORT}`, undefined, `${OUTSIDE}:${PORT}`]);
  });

  it('mapped: started for another port -> that one, and the other taken away', async () => {
    await start({ speaks: ['pcp'] });
    mapper.start({ internalPort: 41_000, family: 4 });
    await pass(time, 10_000);
    assert.deepEqual([...router.mappings], [[41_000, 41_000]]);
    assert.equal(told.at(-1), `${OUTSIDE}:41000`);
  });

  it('no router is known: started -> said so', async () => {
    await start({ speaks: [] }, { findGateway: async () => undefined });
    assert.deepEqual([mapper.report.state, router.asked.length], ['no gateway', 0]);
  });

  it('the socket cannot be opened: started -> none', async () => {
    await start({ speaks: [] }, { openDatagramPort: () => Promise.reject(new Error('EADDRNOTAVAIL')) });
    assert.equal(mapper.report.state, 'none');
  });

  it('closed while the router is looked for -> nothing is opened', async () => {
    await start({ speaks: ['pcp'] });
    const before = told.length;
    mapper.start({ internalPort: PORT, family: 4 });
    void mapper.close();
    await pass(time, 10_000);
    assert.deepEqual(told.slice(before), [undefined]);
    router.mappings.clear();
  });
});
