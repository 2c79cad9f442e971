/** Cached items with real processes: the sender is gone before the receiver comes, and servers restart in between. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { Network, ntmobile, stop, testProgram } from '../support/network';
import { temporaryDirectory } from '../support/paths';
import { Program } from '../support/processes';
import { hasJoined } from '../support/trace-watch';

interface Received {
  readonly from: string;
  readonly id: string;
  readonly name: string | null;
  readonly file: string;
}

describe('ntmobile send and receive', function () {
  this.timeout(60_000);
  const dir = temporaryDirectory();
  let network: Network;
  let bob: string;

  before(async () => {
    network = await Network.start();
    bob = network.fqdn('bob');
  });

  after(async () => {
    await network.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const command = (account: string, ...args: string[]): Program => ntmobile(args, network.environment(account));

  it('bob has never joined: send -> exit code 1, and why', async () => {
    const send = command('alice', 'send', bob, join(__dirname, '../../cli/main.js'));
    await send.finish(1);
    assert.match(send.errors, /bob\.\S+ has never joined/);
  });

  it('nothing is there: receive -> exit code 3', async () => {
    assert.equal(await command('bob', 'receive').finish(3), '');
  });

  it('bob away, sent, all servers killed and started again: receive -> the files, once', async () => {
    const content = Buffer.alloc(1_000_000, 'some content ');
    const file = join(dir, 'report.txt');
    writeFileSync(file, content);
    const sent = await command('alice', 'send', bob, file, '--ttl', '1d', '--json').json<{ id: string; to: string }>();
    const again = command('alice', 'send', bob, file, '--name', '../../.report.txt');
    await again.finish();
    assert.equal(sent.to, bob);

    await network.up.kill();
    network = await Network.start([], network.dir);
    const files = join(dir, 'received');
    const receive = command('bob', 'receive', '--dir', files, '--json');
    await receive.finish();
    const received = receive.lines.map((line) => JSON.parse(line) as Received);
    assert.equal(received[0]!.id, sent.id);
    assert.deepEqual(
      received.map(({ from, name, file }) => [from, name, file]),
      [
        [`alice.${network.join.zone}`, 'report.txt', join(files, 'report.txt')],
        [`alice.${network.join.zone}`, '../../.report.txt', join(files, '__.._.report.txt')],
      ],
    );
    for (const name of readdirSync(files)) assert.deepEqual(readFileSync(join(files, name)), content);
    await command('bob', 'receive', '--dir', files).finish(3);
  });

  it('bob follows: sent -> on his standard output at once', async () => {
    const follow = command('bob', 'receive', '--follow', '--json');
    const file = join(dir, 'line');
    writeFileSync(file, 'hello');
    await command('alice', 'send', bob, file).finish();
    const item = JSON.parse(await follow.line()) as { content: string; name: string };
    assert.deepEqual([item.name, Buffer.from(item.content, 'base64').toString()], ['line', 'hello']);
    follow.terminate();
    await follow.finish();
  });

  it('programs with the library: one waits, the other puts and ends -> each item, and both end by themselves', async () => {
    const program = testProgram('cache-library.cjs');
    const reader = Program.node([program, 'read', '2'], network.environment('bob'));
    const writer = Program.node([program, 'put', bob, 'one', 'two'], network.environment('alice'));
    await writer.finish();
    assert.equal((JSON.parse(writer.lines[0]!) as { to: string }).to, bob);
    await reader.finish();
    const from = `alice.${network.join.zone}`;
    assert.deepEqual(
      reader.lines.map((line) => JSON.parse(line) as unknown),
      ['one', 'two'].map((text) => ({ from, name: text, text })),
    );
  });

  it('unmodified programs, NTMOBILE_CACHE: datagrams to absent bob, servers restarted, bob comes -> they come in order', async () => {
    const program = testProgram('udp-messages.cjs');
    const cached = { NTMOBILE_CACHE: '5683,9000-9010' };
    const texts = Array.from({ length: 20 }, (_, i) => `message ${i}`);
    const sender = network.program('alice', [program, 'udp4', bob, '9005', ...texts], { env: cached });
    assert.match(await sender.finish(), /^sent 20 from \d+$/);
    const sourcePort = Number(sender.lines[0]!.split(' ').at(-1));

    await network.up.kill();
    network = await Network.start([], network.dir);
    const strict = network.program('bob', [program, 'udp4', '9005']);
    await strict.line((line) => line.startsWith('listening'));
    await network.traced('bob', (events) => hasJoined(events, strict));
    await stop(strict);
    assert.deepEqual(strict.lines.length, 1, 'whose own NTMOBILE_CACHE names no port gets nothing from the cache');

    const receiver = network.program('bob', [program, 'udp4', '9005'], { env: cached });
    await receiver.line((line) => line.includes('message 19'));
    const received = receiver.lines.slice(1).map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      received.map(({ text }) => text),
      texts,
    );
    const { from, port, name } = received[0]!;
    assert.deepEqual([port, name], [sourcePort, network.fqdn('alice')]);
    assert.match(String(from), /^198\.1[89]\./);
    await stop(receiver);
  });
});
