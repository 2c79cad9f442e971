/** Whatever a router answers to a host that asks for a port: believed only as an address of the Internet, bounded. */
import assert from 'node:assert/strict';
import type { MappingProtocol } from '../../core/reach/port-mapping/contract';
import { decodeActionAnswer, connectionServices } from '../../core/reach/port-mapping/igd';
import { scopeOf } from '../../core/wire/address-scope';
import { PortMapper } from '../../core/reach/port-mapping/port-mapper';
import { defaultRoute4, defaultRoute6 } from '../../core/reach/port-mapping/default-route';
import { description, FakeRouter, fault, ROUTER } from '../support/fake-router';
import { pass, settle } from '../support/memory-datagrams';
import { VirtualTime } from '../support/virtual-time';
import { fuzz, seed } from './engine';

const PORT = 40_000;
/** In ten minutes, with a lifetime of half a minute. */
const MOST_ASKED = 400;
const tokens = [
  'urn:schemas-upnp-org:',
  'LOCATION: ',
  `http://${ROUTER}/`,
  '</',
  '<![CDATA[',
  '&#x',
  '<!ENTITY',
  '\r\n',
];

describe(`fuzz: port mapping (NTMOBILE_FUZZ_SEED=${seed})`, function () {
  this.timeout(600_000);

  it('a host that asks: any answers, announcements and pages -> no address that is none, bounded, nothing is left', () =>
    fuzz({ ...{ name: 'router-answers', runs: 900, batch: 6, longest: 1_500, tokens, live }, attempt: answers }));

  it('documents of a router and of procfs: any text -> read or not, never further than allowed', () =>
    fuzz({
      ...{ name: 'router-documents', runs: 1_200, batch: 200, longest: 3_000, tokens, live },
      attempt: documents,
    }));
});

/** True answers of each protocol, and true pages. */
function live(): Uint8Array[] {
  const router = new FakeRouter(new VirtualTime(), { speaks: [] });
  const mapped = Buffer.concat([router.pcp(1, 0), Buffer.alloc(12), Buffer.of(17, 0, 0, 0), Buffer.alloc(20, 1)]);
  const natPmp = Buffer.from('008100000000000900009c409c4100000e10', 'hex');
  const pages = [description(1), description(2), fault(718).body].map((text) => Buffer.from(text));
  return [
    router.pcp(0, 0),
    mapped,
    router.natPmpAddress(),
    natPmp,
    router.searchAnswer(),
    router.notice('alive'),
    ...pages,
  ];
}

/** Half of what the host asks a router answers truly, and the rest with inputs: three for a datagram, one for a page. */
async function answers(inputs: readonly Uint8Array[]): Promise<void> {
  for (const protocols of [['pcp', 'nat-pmp'], ['upnp']] as const satisfies MappingProtocol[][]) {
    const time = new VirtualTime();
    const router = new FakeRouter(time, { speaks: protocols });
    let at = 0;
    const next = (): Uint8Array => inputs[at++ % inputs.length]!;
    const isTrue = (): boolean => (inputs[at % inputs.length]![0] ?? 0) % 2 === 0 && at++ >= 0;
    const fetched: URL[] = [];
    router.answer = (request, { port }) => {
      if (isTrue()) return undefined;
      return [0, 1, 2].map(() => ({ datagram: knowing(request, next()), from: { address: ROUTER, port } }));
    };
    router.page = ({ url }) => {
      fetched.push(url);
      if (isTrue()) return undefined;
      return { status: 200, body: Buffer.from(next()).toString('utf8') };
    };
    const mapper = new PortMapper({
      ...{ ...router.ports(), protocols },
      onMapped: (endpoint) => {
        if (!endpoint) return;
        assert(scopeOf(endpoint.address) === 'global', `${endpoint.address} is not outside`);
        assert(Number.isInteger(endpoint.port) && endpoint.port > 0 && endpoint.port < 65_536, `port ${endpoint.port}`);
      },
    });
    mapper.start({ internalPort: PORT, family: 4 });
    await pass(time, 60_000);
    for (const input of inputs) router.announce(input, { address: ROUTER, port: 5351 });
    await pass(time, 540_000);
    assert(router.asked.length <= MOST_ASKED, `${router.asked.length} datagrams`);
    assert(fetched.length <= MOST_ASKED, `${fetched.length} pages`);
    for (const url of fetched) assert.deepEqual([url.protocol, url.hostname], ['http:', ROUTER]);
    await settle(time, mapper.close());
    await pass(time, 10);
    assert.deepEqual([time.pendingCount, router.openSockets, router.openGroups], [0, 0, 0], 'something is left');
  }
}

/** A router has seen the nonce of a PCP MAP (RFC 6887 section 11.1). */
function knowing(request: Uint8Array, answer: Uint8Array): Uint8Array {
  const own = answer.slice();
  if (request.length === 60 && own.length >= 60) own.set(request.subarray(24, 42), 24);
  return own;
}

function documents(inputs: readonly Uint8Array[]): void {
  const location = new URL(`http://${ROUTER}:5000/root`);
  for (const input of inputs) {
    const text = Buffer.from(input).toString('utf8');
    for (const { control } of connectionServices(text, ROUTER, location)) assert.equal(control.hostname, ROUTER);
    decodeActionAnswer(text, 'AddPortMapping');
    defaultRoute4(text);
    defaultRoute6(text);
  }
}
