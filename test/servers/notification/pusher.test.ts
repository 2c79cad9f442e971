import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Pusher, type PushOutcome, type PushService } from '../../../servers/notification/push/pusher';
import { flush, pass } from '../../support/memory-datagrams';
import { SeededRandom, VirtualTime } from '../../support/virtual-time';

/** A service that answers as it is told, or when it is told. */
class ScriptedService implements PushService {
  readonly sent: string[] = [];
  readonly sentMs: number[] = [];
  answers: PushOutcome[] = [];
  private readonly held: (() => void)[] = [];
  holds = false;

  constructor(private readonly time: VirtualTime) {}

  async send(token: string): Promise<PushOutcome> {
    this.sent.push(token);
    this.sentMs.push(this.time.now());
    if (this.holds) await new Promise<void>((resolve) => this.held.push(resolve));
    return this.answers.shift() ?? { kind: 'accepted' };
  }

  async release(): Promise<void> {
    for (const resolve of this.held.splice(0)) resolve();
    await flush();
  }

  close(): void {}
}

function start() {
  const time = new VirtualTime();
  const fcm = new ScriptedService(time);
  const told: string[] = [];
  const pusher = new Pusher(
    { clock: time, timers: time, random: new SeededRandom(1) },
    { fcm },
    { dead: (fqdn, { token }) => told.push(`${fqdn} ${token} dead`), failed: (fqdn) => told.push(`${fqdn} failed`) },
  );
  const push = (name: string): boolean => pusher.push(name, { kind: 'fcm', token: `token of ${name}` });
  return { time, fcm, told, pusher, push };
}

describe('pusher', () => {
  it('ten wake-ups of one node in a moment -> one message; after half a minute -> another', async () => {
    const { time, fcm, pusher, push } = start();
    for (let i = 0; i < 10; i++) assert.equal(push('alice'), true);
    await pass(time, 31_000);
    push('alice');
    await flush();
    assert.equal(fcm.sent.length, 2);
    assert.equal(pusher.counts.get('fcm collapsed'), 9);
  });

  it('the service fails twice -> sent again later and later, then accepted; nobody is told', async () => {
    const { time, fcm, told, push } = start();
    fcm.answers = [
      { kind: 'retry', reason: '503' },
      { kind: 'retry', reason: '503' },
    ];
    push('alice');
    await pass(time, 60_000);
    assert.equal(fcm.sent.length, 3);
    const [first = 0, second = 0, third = 0] = fcm.sentMs;
    assert(second - first >= 1_000 && third - second >= 2_000, fcm.sentMs.join());
    assert.deepEqual(told, []);
  });

  it('the service asks for 20 s -> no message to anybody sooner, all of them then', async () => {
    const { time, fcm, push } = start();
    fcm.answers = [{ kind: 'retry', reason: '429', afterMs: 20_000 }];
    push('alice');
    await flush();
    push('bob');
    await pass(time, 19_900);
    assert.equal(fcm.sent.length, 1);
    await pass(time, 200);
    assert.deepEqual(fcm.sent.slice(1).sort(), ['token of alice', 'token of bob']);
  });

  it('the service fails for ever, or asks for an hour -> given up within a minute, whoever waits is told', async () => {
    for (const afterMs of [undefined, 3_600_000]) {
      const { time, fcm, told, pusher, push } = start();
      fcm.answers = Array.from({ length: 50 }, () => ({ kind: 'retry', reason: '503', afterMs }));
      push('alice');
      await pass(time, 61_000);
      assert(fcm.sent.length <= 7, `${fcm.sent.length} tries`);
      assert.deepEqual(told, ['alice failed']);
      assert.equal(time.pendingCount, 0);
      assert.equal(pusher.queued, 0);
    }
  });

  it('the address is dead; the message is refused -> told, and not sent again', async () => {
    const { time, fcm, told, push } = start();
    fcm.answers = [
      { kind: 'dead', reason: '410' },
      { kind: 'refused', reason: '403' },
    ];
    push('alice');
    push('bob');
    await pass(time, 60_000);
    assert.deepEqual(told, ['alice token of alice dead', 'alice failed', 'bob failed']);
    assert.equal(fcm.sent.length, 2);
  });

  it('the node is there before the message went out -> it does not go out', async () => {
    const { time, fcm, told, pusher, push } = start();
    fcm.answers = [{ kind: 'retry', reason: '503' }];
    push('alice');
    await flush();
    pusher.forget('alice');
    await pass(time, 60_000);
    assert.equal(fcm.sent.length, 1);
    assert.deepEqual(told, []);
  });

  it('20,000 nodes at once, the service is slow -> 64 at a time, 10,000 wait, the others are not taken', async () => {
    const { fcm, pusher, push } = start();
    fcm.holds = true;
    let taken = 0;
    for (let i = 0; i < 20_000; i++) taken += push(`n${i}`) ? 1 : 0;
    await flush();
    assert.equal(fcm.sent.length, 64);
    assert.equal(taken, 10_064);
    await fcm.release();
    assert.equal(fcm.sent.length, 128);
    assert.equal(pusher.counts.get('fcm not queued'), 9_936);
    pusher.close();
  });
});
