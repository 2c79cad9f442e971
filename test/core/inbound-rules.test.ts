import assert from 'node:assert/strict';
import { NtmError } from '../../core/errors';
import { parseInboundRules, type Protocol } from '../../core/inbound-rules';
import { SeededRandom } from '../support/virtual-time';

const zones = ['ntm.internal', 'lab.ntm.example'];
const isZone = (name: string): boolean => zones.includes(name);

function admits(rules: string | readonly string[], fqdn: string, port = 443, protocol: Protocol = 'tcp'): boolean {
  return parseInboundRules(rules).admits(fqdn, protocol, port, isZone);
}

describe('inbound rules', () => {
  const cases: [string, { admitted: string[]; not: string[] }][] = [
    ['*:443', { admitted: ['alice.ntm.internal', 'x.y.z'], not: [] }],
    [
      'bob.ntm.internal:443',
      { admitted: ['bob.ntm.internal'], not: ['w.bob.ntm.internal', 'bob.ntm.internal.evil', 'xbob.ntm.internal'] },
    ],
    [
      'alice.*:443',
      {
        admitted: ['alice.ntm.internal', 'alice.lab.ntm.example'],
        not: ['alice.mallory.ntm.internal', 'w.alice.ntm.internal', 'malice.ntm.internal', 'alice.elsewhere', 'alice'],
      },
    ],
    [
      '*.alice.ntm.internal:443',
      {
        admitted: ['w.alice.ntm.internal', 'a.b.alice.ntm.internal'],
        not: ['alice.ntm.internal', 'w.malice.ntm.internal', 'alice.w.ntm.internal'],
      },
    ],
    [
      '*.alice.*:443',
      {
        admitted: ['w.alice.ntm.internal', 'w.alice.lab.ntm.example'],
        not: ['alice.ntm.internal', 'alice.mallory.ntm.internal', 'w.alice.mallory.ntm.internal', 'w.alice.elsewhere'],
      },
    ],
    ['web-1.alice.*:443', { admitted: ['web-1.alice.ntm.internal'], not: ['web-2.alice.ntm.internal'] }],
  ];
  for (const [rule, { admitted, not }] of cases) {
    it(`${rule}: names -> ${admitted.join(', ')} get in, and nobody else`, () => {
      for (const name of admitted) assert.equal(admits(rule, name), true, name);
      for (const name of not) assert.equal(admits(rule, name), false, name);
    });
  }

  it('names and protocols in any case, with the dot of the root, among spaces -> the same names', () => {
    for (const rule of ['BOB.Ntm.internal:443/TCP', 'bob.ntm.internal.:443', ' bob.ntm.internal:443 , x.y:1']) {
      for (const name of ['bob.ntm.internal', 'Bob.NTM.internal.']) assert.equal(admits(rule, name), true, rule);
    }
  });

  it('one port, a range, every port -> those, with their borders, and no others', () => {
    const reached = (rule: string): number[] =>
      [1, 79, 80, 81, 8_000, 8_100, 8_101, 65_535].filter((port) => admits(rule, 'a.b', port));
    assert.deepEqual(reached('*:80'), [80]);
    assert.deepEqual(reached('*:80-8100'), [80, 81, 8_000, 8_100]);
    assert.deepEqual(reached('*:8000-65535'), [8_000, 8_100, 8_101, 65_535]);
    assert.deepEqual(reached('*:*'), [1, 79, 80, 81, 8_000, 8_100, 8_101, 65_535]);
  });

  it('a protocol, or none -> that one, or both', () => {
    const reached = (rule: string): boolean[] => [admits(rule, 'a.b', 53, 'tcp'), admits(rule, 'a.b', 53, 'udp')];
    assert.deepEqual(reached('*:53/tcp'), [true, false]);
    assert.deepEqual(reached('*:53/udp'), [false, true]);
    assert.deepEqual(reached('*:53'), [true, true]);
  });

  it('several rules, as text or as a list -> who is in one of them gets in there', () => {
    for (const rules of ['alice.*:443,*.ops.example:22', ['alice.*:443', '*.ops.example:22']]) {
      assert.equal(admits(rules, 'alice.ntm.internal', 443), true);
      assert.equal(admits(rules, 'alice.ntm.internal', 22), false);
      assert.equal(admits(rules, 'w.ops.example', 22), true);
      assert.equal(admits(rules, 'w.ops.example', 443), false);
    }
  });

  const malformed: [string, RegExp][] = [
    ['alice.*', /`alice\.\*` names no ports/],
    ['alice:443', /an account is `alice\.\*`/],
    [':443', /does not name a node/],
    ['.:443', /does not name a node/],
    ['a..b:443', /does not name a node/],
    ['al*ce.example:443', /does not name a node/],
    ['*.*:443', /does not name a node/],
    ['**:443', /does not name a node/],
    ['a.*.example:443', /does not name a node/],
    [`${'a'.repeat(64)}.example:443`, /does not name a node/],
    ['198.18.0.1:443', /names an address/],
    ['fd00::1:443', /names no ports/],
    ['b\u00fccher.example:443', /xn--/],
    ['\u212aate.example:443', /xn--/], // the Kelvin sign, which is a `k` in lower case
    ['a.example:44 3', /xn--/],
    ['a.example:', /has no such ports/],
    ['a.example:0', /has no such ports/],
    ['a.example:080', /has no such ports/],
    ['a.example:65536', /has no such ports/],
    ['a.example:90-80', /has no such ports/],
    ['a.example:80-', /has no such ports/],
    ['a.example:https', /has no such ports/],
    ['a.example:1e3', /has no such ports/],
    ['a.example:443/sctp', /neither \/tcp nor \/udp/],
    ['a.example:443/', /neither \/tcp nor \/udp/],
    ['a.example/tcp', /names no ports/],
    ['a.example:443:tcp', /names no ports/],
    ['a.example:443/tcp/udp', /neither \/tcp nor \/udp/],
    ['a.example:443;b.example:80', /names no ports|has no such ports/],
  ];
  for (const [rule, message] of malformed) {
    it(`\`${rule.slice(0, 40)}\` beside a good rule -> NTM_CONFIG that names it`, () => {
      assert.throws(
        () => parseInboundRules(`good.example:1,${rule}`),
        (error) =>
          error instanceof NtmError &&
          error.code === 'NTM_CONFIG' &&
          error.message.startsWith('NTMOBILE_ALLOW ') &&
          error.message.includes(`\`${rule}\``) &&
          message.test(error.message),
      );
    });
  }

  it('no rule at all -> NTM_CONFIG, and not everybody', () => {
    for (const rules of ['', ' , ,', [], ['']]) {
      assert.throws(() => parseInboundRules(rules), { code: 'NTM_CONFIG', message: /^NTMOBILE_ALLOW is empty/ });
    }
  });

  it('any text -> rules or NTM_CONFIG, and what rules are asked never throws', () => {
    const random = new SeededRandom(Number(process.env['NTMOBILE_FUZZ_SEED'] ?? 1));
    const pieces = ['*', '.', ':', '/', '-', ',', 'alice', 'ntm.internal', '443', '0', '65535', 'tcp', 'udp', ' '];
    const odd = ['\u212a', '\u0000', '\n', '\ud800', 'xn--', '%', '[', '__proto__', '99999999999999999999'];
    let parsed = 0;
    for (let round = 0; round < 20_000; round++) {
      const count = 1 + random.below(9);
      const from = round % 4 === 0 ? [...pieces, ...odd] : pieces;
      const text = Array.from({ length: count }, () => from[random.below(from.length)]).join('');
      try {
        const rules = parseInboundRules(text);
        parsed++;
        for (const name of ['alice.ntm.internal', '', '.', '*', text]) rules.admits(name, 'udp', 443, isZone);
      } catch (error) {
        assert(error instanceof NtmError && error.code === 'NTM_CONFIG', `${JSON.stringify(text)}: ${String(error)}`);
      }
    }
    assert(parsed > 10, `${parsed} were rules`);
  });
});
