import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { findingsOf, type Findings, type Seen } from '../../../cli/netcheck/findings';
import { inWords } from '../../../cli/netcheck/words';
import type { Endpoint } from '../../../core/wire/addresses';
import type { View } from '../../../core/reach/look';
import { nodeRandom } from '../../../core/runtime-node';
import { generateKeyPair } from '../../../core/wire/keys';
import { hostRelayServer, type HostedRelay } from '../../../servers/host-relay';
import { run } from '../../support/command';

const at = (address: string, port = 4): Endpoint => ({ address, port });
const view = (relay: string, on: string, mapped?: Endpoint, rttMs?: number): View => {
  return { relay, family: on.includes(':') ? 6 : 4, at: at(on), mapped, rttMs };
};
const NAT = '198.51.100.1';

function seen(views: View[], reachable: Seen['look']['reachable'], more: Partial<Seen> = {}): Seen {
  const observations = views.flatMap(({ at: by, mapped }) => (mapped ? [{ by: by.address, endpoint: mapped }] : []));
  const host = [at('192.168.1.2', 9), at('2001:db8::2', 9)];
  return { look: { views, reachable }, observations, host, portMapping: undefined, ...more };
}

describe('what netcheck finds', () => {
  it('one port for two servers, filtered -> endpoint-independent mapping; the nearest relay first', () => {
    const views = [
      view('far', '192.0.2.1', at(NAT, 50), 80.04),
      view('near', '192.0.2.2', at(NAT, 50), 10.06),
      view('near', '2001:db8:1::2'),
    ];
    assert.deepEqual(findingsOf(seen(views, { 4: false })), {
      udp: true,
      ipv4: {
        ...{ works: true, outside: [`${NAT}:50`], nat: true },
        ...{ mapping: 'endpoint-independent', filtering: 'address-and-port-dependent' },
      },
      ipv6: { works: false, outside: [], nat: null, mapping: null, filtering: null },
      relays: [
        { name: 'near', rttMs: 10.1, ipv4: true, ipv6: false },
        { name: 'far', rttMs: 80, ipv4: true, ipv6: null },
      ],
      nearest: 'near',
      portMapping: null,
    } satisfies Findings);
  });

  it('nobody answers -> UDP does not work; nobody to ask -> not known', () => {
    assert.equal(findingsOf(seen([view('rs', '192.0.2.1')], {})).udp, false);
    assert.equal(findingsOf(seen([], {})).udp, null);
  });

  const words: [string, Seen, RegExp[]][] = [
    [
      'a NAT with another port for each',
      seen([view('a', '192.0.2.1', at(NAT, 50), 1), view('b', '192.0.2.2', at(NAT, 51), 2)], { 4: false }),
      [/symmetric/, /only what was asked for/, /a: 1 ms, over IPv4 \(nearest\)/, /In short: .* through a relay server/],
    ],
    [
      'an open host, and a mapped port',
      seen(
        [view('a', '2001:db8::1', at('2001:db8::2', 9), 1)],
        { 6: true },
        {
          portMapping: { protocol: 'PCP', outside: `${NAT}:77` },
        },
      ),
      [/IPv4: does not work/, /without a NAT/, /filtering: open/, /by PCP, as 198.51.100.1:77/, /by the mapped port/],
    ],
    ['no relay at all', seen([], {}), [/no relay server to ask/, /Relay servers: none/, /is not known/]],
    [
      'UDP blocked',
      seen([view('a', '192.0.2.1')], {}),
      [/UDP: blocked/, /does not answer/, /no tunnel/, /not looked at/],
    ],
  ];
  for (const [situation, what, expected] of words) {
    it(`${situation}: said in words -> a person knows what it means`, () => {
      const text = inWords(findingsOf(what));
      for (const pattern of expected) assert.match(text, pattern);
    });
  }
});

describe('ntmobile netcheck', function () {
  this.timeout(30_000);
  let rs: HostedRelay;
  let port: number;
  before(async () => {
    const keys = generateKeyPair(nodeRandom);
    const coordinator = { party: 'dc' as const, name: 'dc', publicKey: generateKeyPair(nodeRandom).publicKey };
    const options = { identity: keys, name: 'rs', coordinator, endpoints: [] };
    rs = await hostRelayServer([at('127.0.0.1', 0)], 1, options, { trace: () => {}, log: () => {} });
    ({ port } = rs.local);
  });
  after(() => rs.close());

  it('two relays, one of which is not there -> what was found, as JSON and in words; exit code 0', async () => {
    const relays = ['--relay', `127.0.0.1:${port}`, '--relay', '127.0.0.1:9'];
    const [json, text] = await Promise.all([run(['netcheck', ...relays, '--json']), run(['netcheck', ...relays])]);
    assert.deepEqual([json.code, json.stderr, text.code], [0, '', 0]);
    const { udp, ipv4, nearest } = JSON.parse(json.stdout) as Findings;
    assert.deepEqual([udp, ipv4.nat, ipv4.mapping, ipv4.filtering], [true, false, 'endpoint-independent', 'open']);
    assert.equal(nearest, `127.0.0.1:${port}`);
    assert.match(text.stdout, /^UDP: works\n[^]*127\.0\.0\.1:9: does not answer[^]*\nIn short: /);
  });

  it('no relay answers -> exit code 3; what is no relay, or not found, or no settings -> 2, 1, 1 with a reason', async () => {
    const [silent, wrong, unknown, unset] = await Promise.all([
      run(['netcheck', '--relay', '127.0.0.1:9']),
      run(['netcheck', '--relay', 'somewhere']),
      run(['netcheck', '--relay', 'nobody.invalid:4']),
      run(['netcheck']),
    ]);
    assert.deepEqual([silent.code, wrong.code, unknown.code, unset.code], [3, 2, 1, 1]);
    assert.match(silent.stdout, /UDP: blocked/);
    assert.match(wrong.stderr, /rs\.example:4501/);
    assert.match(unknown.stderr, /nobody\.invalid is not found/);
    assert.match(unset.stderr, /NTMOBILE_AS/);
  });
});
