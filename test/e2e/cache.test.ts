/** Cached items with real processes: the sender is gone before the receiver comes, and servers restart in between. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { Network, ntmobile } from '../support/network';
import { temporaryDirectory } from '../support/paths';
import type { Program } from '../support/processes';

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
});
