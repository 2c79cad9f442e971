import assert from 'node:assert/strict';
import { describeRule, parseInRule, parseOutRule } from '../../../cli/forwarding/rules';
import { UsageError } from '../../../cli/output';

describe('what forward carries', () => {
  it('--in: port, host, port -> a virtual port that leads there', () => {
    assert.deepEqual(parseInRule('6379:127.0.0.1:16379'), {
      way: 'in',
      protocol: 'tcp',
      port: 6379,
      to: { address: '127.0.0.1', port: 16_379 },
    });
    assert.deepEqual(parseInRule('80:[::1]:8080').to, { address: '::1', port: 8080 });
    assert.deepEqual(parseInRule('80:localhost:8080').to, { address: 'localhost', port: 8080 });
  });

  it('--out: with and without an address -> where it listens, and a name', () => {
    const to = { address: 'db.alice.example', port: 5432 };
    assert.deepEqual(parseOutRule('[::1]:15432:db.alice.example:5432'), {
      way: 'out',
      protocol: 'tcp',
      listen: { address: '::1', port: 15_432 },
      to,
    });
    assert.deepEqual(parseOutRule('0:db.alice.example:5432'), {
      way: 'out',
      protocol: 'tcp',
      listen: { address: '127.0.0.1', port: 0 },
      to,
    });
  });

  it('a rule with /udp, with /tcp: parsed and described -> for datagrams, for connections', () => {
    const rule = parseInRule('53:[::1]:5353/udp');
    assert.deepEqual([rule.protocol, rule.to], ['udp', { address: '::1', port: 5353 }]);
    assert.equal(describeRule(rule), 'in 53 -> [::1]:5353/udp');
    assert.deepEqual(parseOutRule('0:ns.alice.example:53/udp').protocol, 'udp');
    assert.deepEqual(parseOutRule('0:ns.alice.example:53/tcp'), parseOutRule('0:ns.alice.example:53'));
  });

  for (const text of [
    '80:host:1/sctp',
    '80:host:1/udp/udp',
    '',
    '80',
    '80:host',
    ':80:host:1',
    '80::80',
    '0:host:80',
    '80:host:0',
    '80:host:65536',
  ]) {
    it(`--in "${text}": parsed -> refused, and it is said why`, () => {
      assert.throws(() => parseInRule(text), UsageError);
    });
  }

  for (const text of ['80', '80:80', 'a:b:c:d:e', '1:2:3', '80:name:0', '[::g]:1:name:2', '::1:80:name:80', '-1:n:2']) {
    it(`--out "${text}": parsed -> ${text === '1:2:3' ? 'a name of digits is a name' : 'refused, and it is said why'}`, () => {
      if (text === '1:2:3') assert.equal(parseOutRule(text).to.address, '2');
      else assert.throws(() => parseOutRule(text), UsageError);
    });
  }

  it('a rule: described -> which way it leads, addresses of IPv6 in brackets', () => {
    assert.equal(describeRule(parseInRule('80:[::1]:8080')), 'in 80 -> [::1]:8080');
    assert.equal(describeRule(parseOutRule('1:bob.example:2')), 'out 127.0.0.1:1 -> bob.example:2');
  });
});
