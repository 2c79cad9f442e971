import assert from 'node:assert/strict';
import { Namespace } from '../../core/namespace';

const noHosts = (): ReadonlySet<string> => new Set();

describe('namespace', () => {
  it('suffix known: names under it -> virtual, whatever their case and root dot', () => {
    const namespace = new Namespace(noHosts);
    namespace.learn(['ntm.internal'], [], true);
    assert.equal(namespace.classifyName('alice.ntm.internal'), 'virtual');
    assert.equal(namespace.classifyName('Worker-1.Alice.NTM.internal.'), 'virtual');
  });

  it('suffix known: the suffix itself and names that merely end alike -> host', () => {
    const namespace = new Namespace(noHosts);
    namespace.learn(['ntm.internal'], [], true);
    assert.equal(namespace.classifyName('ntm.internal'), 'host');
    assert.equal(namespace.classifyName('notntm.internal'), 'host');
    assert.equal(namespace.classifyName('example.com'), 'host');
  });

  it('nothing known: single labels, addresses, localhost and the hosts file -> host at once', () => {
    const namespace = new Namespace(() => new Set(['printer.lan']));
    for (const name of ['localhost', 'db', '10.0.0.1', '::1', 'x.localhost', 'printer.lan']) {
      assert.equal(namespace.classifyName(name), 'host', name);
    }
  });

  it('nothing known: other names -> undecided until the network is learned', async () => {
    const namespace = new Namespace(noHosts);
    assert.equal(namespace.classifyName('bob.example.net'), 'undecided');
    let decided = false;
    const waiting = namespace.whenDecided().then(() => (decided = true));
    await Promise.resolve();
    assert.equal(decided, false);
    namespace.learn(['example.net'], [], true);
    namespace.settle();
    await waiting;
    assert.equal(namespace.classifyName('bob.example.net'), 'virtual');
    assert.equal(namespace.classifyName('bob.example.org'), 'host');
  });

  it('only extra suffixes known: other names -> still undecided', () => {
    const namespace = new Namespace(noHosts);
    namespace.learn(['ops.example'], [], false);
    assert.equal(namespace.classifyName('db.ops.example'), 'virtual');
    assert.equal(namespace.classifyName('bob.example.net'), 'undecided');
  });

  it('no answer: settle -> names of unknown suffixes are the host again', () => {
    const namespace = new Namespace(noHosts);
    namespace.settle();
    assert.equal(namespace.classifyName('bob.example.net'), 'host');
  });

  it('networks learned: addresses inside -> virtual, outside and malformed -> not', () => {
    const namespace = new Namespace(noHosts);
    namespace.learn([], ['198.18.0.0/16', 'fd12:3456:789a::/48', 'nonsense', '10.0.0.0/0', '1.2.3.4/99'], true);
    assert.equal(namespace.isVirtualAddress('198.18.255.1'), true);
    assert.equal(namespace.isVirtualAddress('198.19.0.1'), false);
    assert.equal(namespace.isVirtualAddress('fd12:3456:789a:1::5'), true);
    assert.equal(namespace.isVirtualAddress('fd12:3456:789b::5'), false);
    assert.equal(namespace.isVirtualAddress('not an address'), false);
  });

  it('never joined: addresses that may be of a network -> undecided, until the networks are learned', () => {
    const namespace = new Namespace(noHosts);
    namespace.learn(['example.net'], [], true);
    namespace.settle();
    assert.equal(namespace.isUndecidedAddress('198.19.0.1'), true);
    assert.equal(namespace.isUndecidedAddress('fd12:3456:789a::1'), true);
    for (const other of ['10.0.0.1', 'fc00::1', '2001:db8::1', '127.0.0.1', 'nonsense']) {
      assert.equal(namespace.isUndecidedAddress(other), false, other);
    }
    namespace.learn([], ['198.18.0.0/16'], true);
    assert.equal(namespace.isUndecidedAddress('198.18.0.1'), false);
    assert.equal(namespace.isUndecidedAddress('198.19.0.1'), false);
  });

  it('an earlier run knows the networks -> no address is undecided', () => {
    const namespace = new Namespace(noHosts, () => ({ domains: ['example.net'], networks: ['198.18.0.0/16'] }));
    assert.equal(namespace.isUndecidedAddress('198.19.0.1'), false);
    assert.equal(namespace.isVirtualAddress('198.18.0.1'), true);
  });

  it('an address asked for before its network is learned -> virtual from then on', () => {
    const namespace = new Namespace(noHosts);
    assert.equal(namespace.isVirtualAddress('198.18.0.7'), false);
    namespace.learn([], ['198.18.0.0/16'], false);
    assert.equal(namespace.isVirtualAddress('198.18.0.7'), true);
    assert.equal(namespace.isVirtualAddress('127.0.0.1'), false);
  });

  it('more addresses asked for than are remembered -> each gets its own answer', () => {
    const namespace = new Namespace(noHosts);
    namespace.learn([], ['198.18.0.0/16'], false);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 3_000; i++) {
        const rest = `${i >> 8}.${i & 255}`;
        assert.equal(namespace.isVirtualAddress(`198.18.${rest}`), true);
        assert.equal(namespace.isVirtualAddress(`198.20.${rest}`), false);
      }
    }
  });

  it('an earlier run learned the network: only names under the own suffix -> its knowledge is not asked for', () => {
    let asked = 0;
    const namespace = new Namespace(noHosts, () => {
      asked++;
      return { domains: ['other.example'], networks: ['198.18.0.0/16'] };
    });
    namespace.learn(['ntm.internal'], [], true);
    assert.equal(namespace.classifyName('alice.ntm.internal'), 'virtual');
    assert.equal(asked, 0);
  });

  for (const [first, ask] of [
    ['a name', (namespace: Namespace) => namespace.classifyName('bob.other.example') === 'virtual'],
    ['an address', (namespace: Namespace) => namespace.isVirtualAddress('198.18.0.1')],
  ] as const) {
    it(`an earlier run learned the network: ${first} is asked for -> known from then, and read once`, () => {
      let asked = 0;
      const namespace = new Namespace(noHosts, () => {
        asked++;
        return { domains: ['other.example'], networks: ['198.18.0.0/16'] };
      });
      assert.equal(ask(namespace), true);
      assert.equal(namespace.classifyName('example.com'), 'host');
      assert.equal(namespace.isVirtualAddress('198.18.0.2'), true);
      assert.equal(asked, 1);
    });
  }
});
