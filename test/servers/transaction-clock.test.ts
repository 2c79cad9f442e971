/** Wall clocks that are set back, or were wrong, while servers restart. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { noTrace } from '../../core/trace';
import { agreedKey, generateKeyPair } from '../../core/wire/keys';
import { Signalling } from '../../core/wire/signalling';
import { keptTimeIn } from '../../servers/serve/kept-time';
import { TransactionClock } from '../../servers/transaction-clock';
import { temporaryDirectory } from '../support/command';
import { settle } from '../support/memory-datagrams';
import { SeededRandom, VirtualTime } from '../support/virtual-time';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const NOW_MS = Date.UTC(2026, 0, 1);

describe('a server that restarts', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  beforeEach(() => (directory = temporaryDirectory()));
  afterEach(() => directory.remove());

  /** Its transaction clock, with the wall clock at this time; `failures` counts. */
  const failures: unknown[] = [];
  const start = (wallMs: number) => {
    const time = new VirtualTime(wallMs);
    return {
      time,
      clock: new TransactionClock(time, time, keptTimeIn(directory.path), (error) => failures.push(error)),
    };
  };

  for (const [what, wallMs] of [
    ['an hour back', NOW_MS - HOUR_MS],
    ['a year back, after it was a year ahead', NOW_MS - YEAR_MS],
    ['back to 1970', 0],
  ] as const) {
    it(`its wall clock is set ${what} -> another server, which ran on, hears it as before`, async () => {
      const random = new SeededRandom(3);
      const [rs, dc] = [generateKeyPair(random), generateKeyPair(random)];
      const time = new VirtualTime(NOW_MS);
      const ports = { timers: time, random, trace: noTrace };
      const coordinator = new Signalling<string>({
        ...{ ...ports, party: 'dc', part: 'dc', clock: time, identity: dc },
        transmit: (datagram) => relay.receive(datagram, 'dc'),
      });
      coordinator.addPeer({ key: agreedKey(dc, rs.publicKey), party: 'rs', name: 'rs' });
      coordinator.handle('serverReport', () => ({ name: 'serverReportAck', body: {} }));
      let relay: Signalling<string>;
      const report = (transactionTimeMs?: () => number, clock = time): Promise<string> => {
        relay = new Signalling({
          ...{
            ...ports,
            party: 'rs',
            part: 'rs',
            clock,
            identity: rs,
            ...(transactionTimeMs && { transactionTimeMs }),
          },
          transmit: (datagram) => coordinator.receive(datagram, 'rs'),
        });
        const peer = relay.addPeer({ key: agreedKey(rs, dc.publicKey), party: 'dc', name: 'dc' });
        const body = { kind: 'rs', load: 0, endpoints: [] } as const;
        const answer = relay.request(peer, 'dc', { name: 'serverReport', body: { ...body, endpoints: [] } });
        return settle(
          time,
          answer.then(
            ({ name }) => name,
            (error: Error) => error.message,
          ),
        );
      };
      const first = start(NOW_MS);
      assert.equal(await report(first.clock.now), 'serverReportAck');
      assert.equal(await report(start(wallMs).clock.now), 'serverReportAck', 'with what was kept');
      assert.equal(await report(undefined, new VirtualTime(wallMs)), 'no answer', 'without it, it would be a replay');
      assert.ok(coordinator.drops.get('replayed')! > 0);
    });
  }

  it('runs for a day, killed -> begins later than it has been, however the wall clock stands', () => {
    const before = start(NOW_MS);
    before.time.advance(24 * HOUR_MS);
    assert.ok(start(NOW_MS).clock.now() > before.clock.now());
    assert.ok(start(NOW_MS + YEAR_MS).clock.now() >= NOW_MS + YEAR_MS);
  });

  it('runs while its wall clock is set back -> goes on rising', () => {
    const { time, clock } = start(NOW_MS);
    const before = clock.now();
    time.jumpWallTime(-HOUR_MS);
    time.advance(1);
    assert.equal(clock.now(), before + 1);
  });

  it('ended well again and again -> no further than the wall clock', () => {
    for (let i = 0; i < 100; i++) {
      const { time, clock } = start(NOW_MS + i * 10);
      time.advance(5);
      clock.stop();
      assert.equal(time.pendingCount, 0);
    }
    assert.ok(start(NOW_MS + 1_000).clock.now() <= NOW_MS + 1_001);
  });

  it('what was kept is garbage, or cannot be written -> the wall clock, and it is said', () => {
    for (const garbage of ['', 'x', '-1', '1e99', '9'.repeat(40)]) {
      writeFileSync(join(directory.path, 'transactions'), garbage);
      assert.equal(start(NOW_MS).clock.now(), NOW_MS, garbage);
    }
    assert.deepEqual(failures, []);
    mkdirSync(join(directory.path, 'transactions.new')); // cannot be written to
    const { clock } = start(NOW_MS);
    assert.ok(clock.now() > NOW_MS);
    assert.equal(failures.splice(0).length, 1);
  });

  it('its file -> one number, nothing left beside it', () => {
    start(NOW_MS);
    assert.deepEqual(readdirSync(directory.path), ['transactions']);
    assert.match(readFileSync(join(directory.path, 'transactions'), 'latin1'), /^\d+\n$/);
  });
});
