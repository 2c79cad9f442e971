/** Whoever is on the local network, and a router that means harm. */
import assert from 'node:assert/strict';
import { PortMapper } from '../../../../core/reach/port-mapping/port-mapper';
import { formatEndpoint, type Endpoint } from '../../../../core/wire/addresses';
import { description, FakeRouter, OUTSIDE, ROUTER, type FakeRouterOptions } from '../../../support/fake-router';
import { pass, settle } from '../../../support/memory-datagrams';
import { VirtualTime } from '../../../support/virtual-time';

const PORT = 40_000;
const FORGER: Endpoint = { address: '192.168.0.66', port: 5351 };
const CONTROL: Endpoint = { address: ROUTER, port: 5351 };

describe('port mapper: hostile answers', () => {
  let time: VirtualTime;
  let router: FakeRouter;
  let mapper: PortMapper;
  let told: (string | undefined)[];

  function prepare(options: FakeRouterOptions): void {
    time = new VirtualTime();
    router = new FakeRouter(time, options);
    told = [];
    mapper = new PortMapper({
      ...router.ports(),
      onMapped: (endpoint) => told.push(endpoint && formatEndpoint(endpoint)),
    });
  }

  async function run(ms = 60_000): Promise<void> {
    mapper.start({ internalPort: PORT, family: 4 });
    await pass(time, ms);
  }

  afterEach(async () => {
    await settle(time, mapper.close());
    await pass(time, 10);
    assert.deepEqual([time.pendingCount, router.openSockets, router.openGroups], [0, 0, 0]);
  });

  /** What the router would have answered, changed. */
  function change(edit: (answer: Uint8Array) => { datagram: Uint8Array; from: Endpoint }[]): void {
    const honest = new FakeRouter(time, router.options);
    const own = honest as unknown as { ownAnswer(request: Buffer, to: Endpoint): { datagram: Uint8Array }[] };
    router.answer = (request, to) => own.ownAnswer(Buffer.from(request), to).flatMap(({ datagram }) => edit(datagram));
  }

  for (const protocol of ['pcp', 'nat-pmp', 'upnp'] as const) {
    it(`${protocol}: answers from another host -> not believed, counted`, async () => {
      prepare({ speaks: [protocol] });
      change((datagram) => [{ datagram, from: { ...FORGER, port: protocol === 'upnp' ? 1900 : 5351 } }]);
      await run();
      assert.deepEqual([told, mapper.report.state], [[], 'none']);
      assert.ok(mapper.drops['not the router'] > 0);
    });

    it(`${protocol}: answers cut, with bytes more, or of noise -> none, counted`, async () => {
      prepare({ speaks: [protocol] });
      change((datagram) => [
        { datagram: datagram.subarray(0, 7), from: CONTROL },
        { datagram: new Uint8Array(65_507).fill(0x80), from: CONTROL },
        { datagram: new Uint8Array(0), from: CONTROL },
      ]);
      await run();
      assert.deepEqual([told, mapper.report.state], [[], 'none']);
      assert.ok(mapper.drops['not understood'] > 0);
    });
  }

  for (const protocol of ['pcp', 'nat-pmp'] as const) {
    it(`${protocol}: answers of the router from another port -> not believed`, async () => {
      prepare({ speaks: [protocol] });
      change((datagram) => [{ datagram, from: { address: ROUTER, port: 5352 } }]);
      await run();
      assert.deepEqual(told, []);
    });
  }

  it('PCP: another nonce, or another internal port -> not believed', async () => {
    for (const at of [24, 40]) {
      prepare({ speaks: ['pcp'] });
      change((datagram) => [
        { datagram: datagram.length < 60 ? datagram : datagram.with(at, datagram[at]! ^ 1), from: CONTROL },
      ]);
      await run();
      assert.deepEqual([told, Object.fromEntries(mapper.report.refusals)], [[], { pcp: 'no answer' }]);
      await settle(time, mapper.close());
    }
  });

  it('announcements: from another host, as noise, or with an epoch that holds -> nothing is sent', async () => {
    prepare({ speaks: ['pcp'] });
    await run();
    const sent = router.asked.length;
    router.announce(router.pcp(0, 0, 0), FORGER);
    router.announce(router.pcp(0, 0), CONTROL);
    router.announce(router.pcp(1, 0, 0), CONTROL);
    router.announce(new Uint8Array(65_507), CONTROL);
    await pass(time, 10_000);
    assert.equal(router.asked.length, sent);
  });

  it('announcements: a thousand feigned starts -> asked once in five seconds at most', async () => {
    prepare({ speaks: ['pcp'] });
    await run();
    const sent = router.asked.length;
    for (let i = 0; i < 1_000; i++) {
      router.announce(router.pcp(0, 0, i % 2 === 0 ? 0 : 2 ** 31), CONTROL);
      await pass(time, 100);
    }
    assert.ok(router.asked.length - sent <= 2 * 21, `${router.asked.length - sent} packets in 100 s`);
    assert.deepEqual(told, [`${OUTSIDE}:${PORT}`]);
  });

  it('UPnP: a description at another host -> nothing is fetched', async () => {
    prepare({ speaks: ['upnp'] });
    const fetched: string[] = [];
    router.page = ({ url }) => void fetched.push(url.href);
    for (const location of ['http://192.168.0.66/x', 'http://127.0.0.1:80/x', 'http://169.254.169.254/latest']) {
      const datagram = router.searchAnswer(location);
      router.answer = () => [{ datagram, from: { address: ROUTER, port: 1900 } }];
      await run(10_000);
    }
    assert.deepEqual([fetched, told], [[], []]);
  });

  it('UPnP: ever new descriptions -> three are fetched', async () => {
    prepare({ speaks: ['upnp'] });
    const fetched: string[] = [];
    let count = 0;
    router.page = ({ url }) => {
      fetched.push(url.href);
      return { status: 200, body: '<root/>' };
    };
    router.answer = () =>
      Array.from({ length: 100 }, () => {
        return { datagram: router.searchAnswer(`http://${ROUTER}/${count++}`), from: { address: ROUTER, port: 1900 } };
      });
    await run();
    assert.deepEqual([fetched.length, told, mapper.report.state], [3, [], 'none']);
  });

  it('UPnP: a router that answers nonsense to every action -> none, and it says why', async () => {
    for (const [body, why] of [
      ['', 'nonsense'],
      ['<a', 'nonsense'],
      [
        '<x><GetExternalIPAddressResponse><NewExternalIPAddress>x</NewExternalIPAddress></GetExternalIPAddressResponse></x>',
        'no address',
      ],
    ] as const) {
      prepare({ speaks: ['upnp'] });
      router.page = ({ method }) => ({ status: 200, body: method === 'GET' ? description(2) : body });
      await run(20_000);
      assert.deepEqual([told, mapper.report.state], [[], 'none']);
      assert.equal(mapper.report.refusals.get('upnp'), why, body);
      await settle(time, mapper.close());
    }
  });
});
