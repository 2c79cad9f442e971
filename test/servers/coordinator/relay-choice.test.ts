import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { sharedKey } from '../../../core/wire/keys';
import { RelayChoice } from '../../../servers/coordinator/relay-choice';
import type { ReportedServer } from '../../../servers/coordinator/server-reports';
import { SeededRandom, VirtualTime } from '../../support/virtual-time';

const both = [{ accesses: [4, 6] }, { accesses: [4, 6] }] as const;

function rs(name: string, load: number, more: Partial<ReportedServer> = {}): ReportedServer {
  const peer = { key: sharedKey(new Uint8Array(32).fill(name.length), 0), party: 'rs' as const, name };
  const at = (address: string) => ({ address, port: 4000 });
  const endpoints = [at('192.0.2.1'), at('2001:db8::1')];
  return {
    peer,
    kind: 'rs',
    signalling: at('192.0.2.1'),
    endpoints,
    streams: [],
    load,
    draining: false,
    heardMs: 0,
    ...more,
  };
}

function choice() {
  const time = new VirtualTime();
  return { time, choice: new RelayChoice(time, new SeededRandom(7)) };
}

/** How many of a thousand paths each is given between two reports. */
function shares(servers: readonly ReportedServer[]): number[] {
  const { choice: relays } = choice();
  const given = new Map<string, number>();
  for (let i = 0; i < 1000; i++) {
    const [first] = relays.order(servers, both);
    relays.gave(first!);
    given.set(first!.peer.name, (given.get(first!.peer.name) ?? 0) + 1);
  }
  return servers.map(({ peer }) => given.get(peer.name) ?? 0);
}

const names = (servers: readonly ReportedServer[]): string[] => servers.map(({ peer }) => peer.name);

describe('choice of an RS', () => {
  it('equally loaded: a thousand paths -> each gets its share', () => {
    for (const share of shares([rs('a', 0.2), rs('bb', 0.2), rs('ccc', 0.2)]))
      assert(share > 250 && share < 420, `${share}`);
  });

  it('one idle, one nearly full -> the idle one gets most, and not all', () => {
    const [idle = 0, full = 0] = shares([rs('a', 0), rs('bb', 0.9)]);
    assert(idle > 700 && full > 20, `${idle} and ${full}`);
  });

  it('a side that has TLS only -> one that takes TLS, of an IP version of that side', () => {
    const { choice: relays } = choice();
    const streams = [{ address: '192.0.2.1', port: 443 }];
    const servers = [rs('no tls', 0), rs('tls', 0, { streams })];
    assert.deepEqual(names(relays.order(servers, [{ accesses: ['tls4'] }, { accesses: [6] }])), ['tls']);
    assert.deepEqual(names(relays.order(servers, [{ accesses: ['tls4', 'tls6'] }, { accesses: ['tls4'] }])), ['tls']);
    assert.deepEqual(names(relays.order(servers, [{ accesses: ['tls6'] }, { accesses: [4] }])), []);
  });

  it('draining, or without an IP version of one side -> not asked; one with both joins two nodes that share none', () => {
    const { choice: relays } = choice();
    const only4 = rs('only4', 0, { endpoints: [{ address: '192.0.2.1', port: 1 }] });
    const servers = [rs('draining', 0, { draining: true }), only4, rs('both', 0.5)];
    assert.deepEqual(names(relays.order(servers, [{ accesses: [4] }, { accesses: [6] }])), ['both']);
    assert.deepEqual(names(relays.order(servers, [{ accesses: [4] }, { accesses: [4, 6] }])).sort(), ['both', 'only4']);
  });

  it('one that does not answer -> left alone for 5, 10, 20 s however it reports itself; answers -> 5 s again', () => {
    const { time, choice: relays } = choice();
    const isAsked = (): boolean => relays.order([rs('a', 0, { heardMs: time.now() })], both).length === 1;
    for (const waitMs of [5_000, 10_000, 20_000]) {
      relays.failed(rs('a', 0));
      time.advance(waitMs - 1);
      assert.equal(isAsked(), false);
      time.advance(1);
      assert.equal(isAsked(), true);
    }
    relays.gave(rs('a', 0));
    relays.failed(rs('a', 0));
    time.advance(5_000);
    assert.equal(isAsked(), true);
  });

  describe('nodes have measured round trips', () => {
    const near = rs('near', 0.5);
    const middle = rs('middle', 0.1);
    const far = rs('far', 0);
    const user = (rtts: Record<string, number>) => ({
      accesses: [4] as const,
      rtts: Object.entries(rtts).map(([name, rttMs]) => ({ name, rttMs })),
    });
    const order = (servers: readonly ReportedServer[], ...sides: ReturnType<typeof user>[]): string[] =>
      names(choice().choice.order(servers, sides));

    it('both -> the least sum first, however loaded the others', () => {
      const sides = [user({ near: 10, middle: 12, far: 100 }), user({ near: 30, middle: 60, far: 5 })];
      assert.deepEqual(order([far, middle, near], ...sides), ['near', 'middle', 'far']);
    });

    it('only one of them -> by that alone', () => {
      assert.deepEqual(order([far, near], user({ near: 10, far: 100 }), user({})), ['near', 'far']);
    });

    it('one of them has not reached an RS -> that is the last', () => {
      const sides = [user({ near: 10, far: 100 }), user({ far: 100 })];
      assert.deepEqual(order([near, far], ...sides), ['far', 'near']);
    });

    it('the nearest is full -> the next; without any other, that', () => {
      const full = rs('near', 0.95);
      const sides = [user({ near: 10, far: 100 }), user({ near: 10, far: 100 })];
      assert.deepEqual(order([full, far], ...sides), ['far', 'near']);
      assert.deepEqual(order([full], ...sides), ['near']);
    });

    it('two as near as each other: a thousand paths -> each gets its share', () => {
      const sides = [user({ a: 10, b: 12 }), user({ a: 12, b: 11 })];
      const servers = [rs('a', 0.2), rs('b', 0.2)];
      const { choice: relays } = choice();
      const firsts = Array.from({ length: 1000 }, () => relays.order(servers, sides)[0]!.peer.name);
      const share = firsts.filter((name) => name === 'a').length;
      assert(share > 400 && share < 600, `${share}`);
    });
  });
});
