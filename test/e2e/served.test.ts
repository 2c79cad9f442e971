/**
 * A network of five separate processes: started in any order, each stopped and killed in turn while programs talk, all of
 * them at once. Connections go on, new names resolve again, and nobody restarts a program.
 */
import assert from 'node:assert/strict';
import { nodeRandom } from '../../core/runtime-node';
import type { Kind } from '../../servers/serve/settings';
import { portsOf, stop, testProgram } from '../support/network';
import { next, says } from '../support/outage';
import { killRunning, Program } from '../support/processes';
import { kinds, FiveServers } from '../support/five-servers';
import { SeededRandom } from '../support/virtual-time';

describe('five servers as processes of their own', function () {
  this.timeout(90_000);
  let network: FiveServers;
  beforeEach(async () => (network = await FiveServers.make({ NTMOBILE_LOG: 'debug' })));
  afterEach(async () => {
    await killRunning();
  });

  const program = (account: string, file: string, ...args: string[]): Program =>
    Program.node(['-r', 'ntmobile/register', testProgram(file), ...args], network.environment(account));

  it('any order of starting, each restarted while programs talk, all away -> talk goes on, new names are found', async () => {
    const seed = Number(process.env['NTMOBILE_SEED'] ?? nodeRandom.bytes(4).reduce((all, byte) => all * 256 + byte));
    const random = new SeededRandom(seed);
    const order = shuffled(kinds, random);
    process.stdout.write(`      NTMOBILE_SEED=${seed}: ${order.join(', ')}\n`);
    const accounts = ['alice', 'bob', 'carol', 'dave', ...kinds.map((kind) => `guest-${kind}`)];
    await network.addAccounts(...accounts);

    for (const kind of order) network.start(kind);
    for (const kind of order) await network.serving(kind);
    const bob = program('bob', 'ticking.cjs');
    const [port] = await portsOf(bob);
    const alice = program('alice', 'ticking.cjs', 'bob.ntm.test', `${port}`);
    const carol = program('carol', 'ask-forever.cjs', `net,http://bob.ntm.test:${port}/`);
    await alice.line(says('tick'));
    await carol.line(says('connected'));

    const guests: Promise<void>[] = [];
    for (const kind of shuffled(kinds, random)) {
      await restarted(kind, random.bytes(1)[0]! % 2 === 0 ? 'SIGTERM' : 'SIGKILL');
      await Promise.all([next(alice, says('tick'), 3), next(carol, says('net bob: connected'))]);
      guests.push(askedByNewNode(`guest-${kind}`, port!)); // while the others are restarted
    }
    await Promise.all(guests);

    for (const kind of kinds) await network.end(kind, kind === 'rs' ? 'SIGTERM' : 'SIGKILL');
    await Promise.all([next(alice, says('tick'), 10), next(carol, says('net bob: connected'), 3)]);
    for (const kind of shuffled(kinds, random)) network.start(kind);
    for (const kind of kinds) await network.serving(kind);
    await askedByNewNode('dave', port!);

    await next(alice, says('tick'));
    assert.deepEqual(alice.lines.filter(says('broken')), []);
    assert.deepEqual(new Set(carol.lines), new Set(['net bob: connected']), 'a name that is known never fails');
    for (const each of [carol, alice, bob]) await stop(each);
    holdsNoSecrets(network.logs(), accounts);
    await network.close();
  });

  async function restarted(kind: Kind, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const end = await network.end(kind, signal);
    const expected = signal === 'SIGKILL' ? { code: null, signal } : { code: 0, signal: null };
    assert.deepEqual(end, expected, `${kind} after ${signal}: ${network.logs()}`);
    network.start(kind);
    await network.serving(kind);
  }

  /** A node that was never there joins, and dials bob, whom it has never asked for. */
  async function askedByNewNode(account: string, port: number): Promise<void> {
    const guest = program(account, 'ask-forever.cjs', `net,http://bob.ntm.test:${port}/`);
    await guest.line(says('net bob: connected'));
    await stop(guest);
  }
});

/** At debug level, which says most. */
function holdsNoSecrets(logs: string, accounts: readonly string[]): void {
  const lines = logs.trim().split('\n');
  assert.ok(lines.length > 100, 'the logs say something');
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const wanted of ['serving', 'node joined', 'stopping', 'stopped']) {
    assert.ok(
      events.some(({ msg }) => msg === wanted),
      wanted,
    );
  }
  for (const account of accounts) assert.ok(!logs.includes(`password-of-${account}`), `the password of ${account}`);
  // A key of 32 bytes as base64url, base64 or hexadecimal; the AS's own in the join URL is meant to be told.
  const withoutPublic = logs.replace(/ntmobile:\/\/[^"]*/g, '');
  assert.doesNotMatch(withoutPublic, /[A-Za-z0-9_+/-]{43}|[0-9a-f]{64}/);
}

function shuffled<T>(items: readonly T[], random: SeededRandom): T[] {
  const keyed = items.map((item) => ({ item, key: Buffer.from(random.bytes(4)).readUInt32BE() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
}
