/** What a server's log says: once, not for each packet, and never a secret. */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { noTrace, type TraceEvent } from '../../../core/trace';
import type { Handled } from '../../../core/wire/signalling';
import type { Figure } from '../../../servers/serve/served';
import { ServerEvents } from '../../../servers/serve/server-events';
import { VirtualTime } from '../../support/virtual-time';

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'];
const MINUTE_MS = 60_000;

describe("a server's log", () => {
  let time: VirtualTime;
  let level: string;
  let lines: string[];
  let figures: Figure[];
  let events: ServerEvents;
  let trace: (event: TraceEvent) => void;

  beforeEach(() => {
    time = new VirtualTime();
    [level, lines, figures] = ['info', [], []];
    const isLevelEnabled = (asked: string): boolean => LEVELS.indexOf(asked) >= LEVELS.indexOf(level);
    const at = (of: string) => (more: object, text: string) => {
      if (isLevelEnabled(of)) lines.push(`${of} ${text} ${JSON.stringify(more)}`);
    };
    const log = { isLevelEnabled, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
    events = new ServerEvents(log, time, () => figures);
    events.start();
    trace = events.tracing(noTrace);
  });

  const handled = (message: Handled['message'], outcome: string, address: string): void =>
    events.onHandled({
      ...{ message, outcome, durationMs: 1, from: { address, port: Math.floor(time.now()) } },
      peer: { key: undefined as never, party: 'node', name: 'a stranger' },
    });
  const dropped = (reason: string, value: number): Figure => ({
    ...{ name: 'dropped_total', help: '', type: 'counter', value, labels: { where: 'signalling', reason } },
  });

  it('nodes that join and leave -> info; all else of the trace at debug only', () => {
    const state = { part: 'dc z', event: 'state', node: 'alice.z' };
    trace({ ...state, state: 'registered' });
    trace({ ...state, state: 'keyed', reason: 'deregistered' });
    trace({ part: 'dc z', event: 'send', message: 'Route Direction' });
    assert.deepEqual(lines.splice(0), [
      'info node joined {"node":"alice.z"}',
      'info node left {"node":"alice.z","reason":"deregistered"}',
    ]);
    level = 'debug'; // as a reload does
    trace({ part: 'dc z', event: 'send', message: 'Route Direction' });
    assert.deepEqual(lines, ['debug send {"part":"dc z","message":"Route Direction"}']);
  });

  it('a flood of drops -> one line a reason and minute, with the count of that minute; at the end the rest', () => {
    figures = [dropped('not signalling', 1_000_000), dropped('replayed', 3)];
    time.advance(MINUTE_MS);
    figures = [dropped('not signalling', 1_000_005), dropped('replayed', 3)];
    time.advance(MINUTE_MS);
    time.advance(MINUTE_MS);
    figures = [dropped('not signalling', 1_000_006), dropped('replayed', 3)];
    events.stop();
    assert.deepEqual(lines, [
      'warn dropped {"where":"signalling","reason":"not signalling","count":1000000}',
      'warn dropped {"where":"signalling","reason":"replayed","count":3}',
      'warn dropped {"where":"signalling","reason":"not signalling","count":5}',
      'warn dropped {"where":"signalling","reason":"not signalling","count":1}',
    ]);
    assert.equal(time.pendingCount, 0);
  });

  it('logins refused, from one address and then from everywhere -> the first of each at once, others counted; bounded', () => {
    for (let i = 0; i < 1_000; i++) handled('configurationRequest', 'login-refused', '192.0.2.1');
    assert.equal(lines.length, 1);
    assert.match(lines.splice(0)[0]!, /^info login refused .*"reason":"login-refused".*"from":"192\.0\.2\.1"/);
    time.advance(MINUTE_MS);
    assert.match(lines.splice(0).join(), /^info login refused .*"from":"192\.0\.2\.1","again":999}$/);
    for (let i = 0; i < 10_000; i++) handled('configurationRequest', 'login-refused', `10.0.${i >> 8}.${i & 255}`);
    assert.ok(lines.length < 300, `${lines.length} lines`);
    time.advance(MINUTE_MS);
    assert.match(lines.at(-1)!, /^info login refused {"again":\d{4}}$/);
    handled('directionRequest', 'node-absent', '192.0.2.1');
    handled('directionRequest', 'answered', '192.0.2.1');
    assert.match(lines.at(-1)!, /^info login refused {"again"/, 'what nodes hear all day is for debug');
  });

  it('a handler that fails for each packet -> an error, once a minute', () => {
    for (let i = 0; i < 500; i++) {
      trace({ part: 'as', event: 'handler failed', message: 'loginRequest', error: 'Error: database or disk is full' });
    }
    time.advance(MINUTE_MS);
    assert.deepEqual(lines, [
      'error a request failed {"part":"as","message":"loginRequest","error":"Error: database or disk is full"}',
      'error a request failed {"part":"as","message":"loginRequest","error":"Error: database or disk is full","again":499}',
    ]);
  });

  it('silent -> nothing, and nothing is remembered', () => {
    level = 'silent';
    trace({ part: 'as', event: 'handler failed', message: 'x', error: 'y' });
    handled('configurationRequest', 'login-refused', '192.0.2.1');
    figures = [dropped('replayed', 1)];
    time.advance(MINUTE_MS);
    assert.deepEqual(lines, []);
  });
});
