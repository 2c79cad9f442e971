/** `ntmobile serve`: settings, directories and ports that cannot be used; reload; metrics, health and logs. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ntmobile } from '../support/network';
import { Program } from '../support/processes';
import { FiveServers } from '../support/five-servers';
import { describeWith, findProgram } from '../support/servers';

type Line = Record<string, unknown>;

let network: FiveServers;

/** What a server has logged once `wanted` accepts it. */
function logged(program: Program, wanted: (line: Line) => boolean): Promise<Line> {
  return program
    .errorLine((text) => text.startsWith('{') && wanted(JSON.parse(text) as Line))
    .then((text) => JSON.parse(text) as Line);
}
const says = (text: string) => (line: Line) => String(line['msg']).includes(text);

describe('ntmobile serve: what cannot be', function () {
  this.timeout(60_000);
  beforeEach(async () => (network = await FiveServers.make()));
  afterEach(() => network.close());

  const failing = async (kind: 'as' | 'dc' | 'rs', code = 1): Promise<string> => {
    const program = network.start(kind);
    await program.finish(code);
    network.running.delete(kind);
    return program.errors;
  };

  it('--check: right -> 0; wrong -> 2 with file and line; nothing is started or made', async () => {
    assert.equal(
      await ntmobile(['serve', 'rs', '--config', network.file('rs'), '--check']).finish(),
      `${network.file('rs')} is right`,
    );
    assert.equal(
      await ntmobile(['serve', 'rs', '--config', network.file('rs'), '--check', '--json']).finish(),
      '{"ok":true}',
    );
    network.write('rs', { limit: {} });
    const wrong = ntmobile(['serve', 'rs', '--config', network.file('rs'), '--check']);
    await wrong.finish(2);
    assert.match(wrong.errors, /^ntmobile: .*rs\.json:\d+: "limit" is no setting; did you mean "limits"\?\n$/);
    assert.deepEqual(wrong.lines, []);
  });

  it('called wrongly -> 2', async () => {
    for (const args of [['serve'], ['serve', 'xs'], ['serve', 'as'], ['serve', 'as', '--config', '/none']]) {
      await ntmobile(args).finish(2);
    }
  });

  it('a second one on the directory of one that runs -> refused, the first serves on', async () => {
    network.start('as');
    await network.serving('as');
    const second = ntmobile(['serve', 'as', '--config', network.file('as')]);
    await second.finish(1);
    assert.match(second.errors, /servers run on .*\/as already; stop them or use another directory/);
    const up = ntmobile(['up', '--dir', join(network.dir, 'as')]);
    await up.finish(1);
    assert.match(up.errors, /servers run on .*\/as already/);
  });

  it('its port, or that of its metrics or DNS, in use -> said, and nothing is left running', async () => {
    const taken = createSocket('udp4').bind(0, '127.0.0.1');
    await once(taken, 'listening');
    const at = `127.0.0.1:${taken.address().port}`;
    network.write('as', { listen: at });
    assert.match(await failing('as'), new RegExp(`ntmobile: ${at} is in use; give another port`));
    network.write('as');
    network.start('as');
    await network.serving('as');
    network.write('dc', { dns: at });
    assert.match(await failing('dc'), new RegExp(`ntmobile: ${at} is in use`));
    taken.close();
    network.write('dc');
    network.start('dc');
    await network.serving('dc');
    network.write('rs', { metrics: `127.0.0.1:${network.ports.metrics}` });
    assert.match(await failing('rs'), new RegExp(`127.0.0.1:${network.ports.metrics} is in use`));
  });

  it('an address that is not of this host; a file where the directory should be; a broken key -> said', async () => {
    network.write('rs', { listen: '192.0.2.7:4500' });
    assert.match(await failing('rs'), /192\.0\.2\.7:4500 is not an address of this host/);
    writeFileSync(join(network.dir, 'a-file'), '');
    network.write('rs', { dir: 'a-file' });
    assert.match(await failing('rs'), /a-file\/server\.key cannot be used: E/);
    mkdirSync(join(network.dir, 'broken'));
    writeFileSync(join(network.dir, 'broken/server.key'), 'short\n');
    network.write('rs', { dir: 'broken' });
    assert.match(await failing('rs'), /broken\/server\.key cannot be used: it holds no key\. Put back a copy/);
    writeFileSync(
      join(network.dir, 'as/ntmobile.db'),
      'no database, though it is long enough to be looked at'.repeat(99),
    );
    assert.match(await failing('as'), /as\/ntmobile\.db cannot be used: file is not a database/);
  });

  it('a coordinator whose AS is away, then does not know it, then does -> waits, says why, and serves', async () => {
    const dc = network.start('dc');
    await logged(dc, says('does not answer yet; waiting for it'));
    const ready = await network.get('/ready');
    assert.equal(ready.status, 503);
    assert.match(await ready.text(), /the account server at 127\.0\.0\.1:\d+ does not answer yet/);
    assert.equal((await network.get('/health')).status, 200);
    const { coordinators } = network.settings('as') as { coordinators: { key: string }[] };
    const stranger = [{ ...coordinators[0], key: Buffer.alloc(32, 9).toString('base64url') }];
    network.write('as', { coordinators: stranger });
    const as = network.start('as');
    const told = await logged(dc, says('does not know this coordinator'));
    assert.ok(String(told['msg']).includes(coordinators[0]!.key), 'with the key that the AS needs');
    network.write('as');
    as.signal('SIGHUP');
    const again = await logged(as, says('settings read again'));
    assert.deepEqual([again['changed'], again['needsRestart']], [['coordinators'], []]);
    await network.serving('dc');
    assert.equal((await network.get('/ready')).status, 200);
  });

  it('one that waits at its start: SIGTERM -> ends at once, with 0', async () => {
    const dc = network.start('dc');
    await logged(dc, says('waiting for it'));
    assert.deepEqual(await network.end('dc', 'SIGTERM'), { code: 0, signal: null });
  });
});

describe('ntmobile serve: SIGHUP', function () {
  this.timeout(60_000);
  beforeEach(async () => (network = await FiveServers.make()));
  afterEach(() => network.close());

  const reread = async (program: Program, text = 'settings read again'): Promise<Line> => {
    const before = program.errors.length;
    program.signal('SIGHUP');
    return JSON.parse(
      await program.errorLine((line) => line.startsWith('{') && says(text)(JSON.parse(line) as Line), before),
    ) as Line;
  };

  it('a broken file -> said with its line, by /health too, and the old settings go on; mended -> taken', async () => {
    network.start('as');
    const dc = network.start('dc');
    await network.serving('dc');
    const { servers } = network.settings('dc');
    writeFileSync(network.file('dc'), '{\n"dir": "dc",\n"zone" "x" }');
    const broken = await reread(dc, 'the settings of before go on');
    assert.match(String(broken['msg']), /dc\.json:3: is not JSON here: a colon is missing/);
    const health = await network.get('/health');
    assert.equal(health.status, 200);
    assert.match(await health.text(), /^ok\nthe settings of before go on: .*dc\.json:3: /);
    network.write('dc', { log: 'debug', servers: [], zone: 'other.test' });
    const taken = await reread(dc);
    assert.deepEqual(taken['changed'], ['log', 'servers']);
    assert.deepEqual(taken['needsRestart'], ['zone']);
    assert.equal(await (await network.get('/health')).text(), 'ok\nneeds a restart for: zone\n');
    network.write('dc', { log: 'debug', servers });
    await reread(dc);
    assert.equal(await (await network.get('/health')).text(), 'ok\n');
    network.start('rs');
    await logged(dc, ({ level, message }) => level === 20 && message === 'Server Report');
  });

  it('a server that the coordinator is told of, then not -> serves, then is heard no more', async () => {
    network.start('as');
    network.write('dc', { servers: [] });
    const dc = network.start('dc');
    await network.serving('dc');
    network.write('rs', { metrics: `127.0.0.1:${network.ports.cs}` });
    const rs = network.start('rs');
    await logged(rs, says('does not answer; does it know'));
    network.write('dc');
    await reread(dc);
    await network.end('rs', 'SIGTERM');
    network.start('rs');
    await network.serving('rs');
    const readyOf = (): Promise<Response> => fetch(`http://127.0.0.1:${network.ports.cs}/ready`);
    assert.equal((await readyOf()).status, 200);
    network.write('dc', { servers: [] });
    await reread(dc);
    await network.end('rs', 'SIGKILL');
    const again = network.start('rs');
    await logged(again, says('does not answer; does it know'));
    assert.equal((await readyOf()).status, 503);
  });

  it('a relay server: limits and the time to drain -> taken', async () => {
    for (const kind of ['as', 'dc'] as const) network.start(kind);
    const rs = network.start('rs');
    await network.serving('rs');
    network.write('rs', { limits: { paths: 7 }, drainSeconds: 2, listen: '127.0.0.1:9' });
    const taken = await reread(rs);
    assert.deepEqual(taken['changed'], ['drainSeconds', 'limits']);
    assert.deepEqual(taken['needsRestart'], ['listen']);
  });
});

describeWith(['promtool'], 'ntmobile serve and up: metrics', function () {
  this.timeout(60_000);
  beforeEach(async () => (network = await FiveServers.make()));
  afterEach(() => network.close());

  /** Fails when Prometheus's own tool finds fault with them. */
  async function check(text: string): Promise<void> {
    const file = join(network.dir, 'metrics.txt');
    writeFileSync(file, text);
    const found = Program.command('sh', ['-c', `"${await findProgram('promtool')}" check metrics < "${file}" 2>&1`]);
    const { code } = await found.ended;
    // Of names that prom-client gives to figures of Node's process it says what it would like better, and exits with 3.
    const ours = found.lines.filter((line) => line.startsWith('ntmobile_'));
    assert.deepEqual(ours, []);
    assert.ok(code === 0 || code === 3, found.lines.join('\n'));
  }

  it('a coordinator that was asked -> counts of messages and drops, times, build; garbage in requests does no harm', async () => {
    network.start('as');
    network.start('rs');
    network.start('dc');
    await network.serving('dc');
    await network.serving('rs');
    const stranger = createSocket('udp4');
    stranger.send(Buffer.from('garbage'), network.ports.dc, '127.0.0.1');
    for (const path of ['//', '/%', '/?', '/metrics?x']) await network.get(path);
    assert.equal((await fetch(`http://127.0.0.1:${network.ports.metrics}/metrics`, { method: 'POST' })).status, 405);
    const wanted = [
      /^ntmobile_requests_total\{server="dc",message="serverReport",outcome="answered"\} [1-9]/m,
      /^ntmobile_request_seconds_bucket\{le="0\.001",server="dc",message="serverReport"\} \d/m,
      /^ntmobile_dropped_total\{server="dc",where="signalling",reason="not signalling"\} 1$/m,
      /^ntmobile_sessions\{server="dc"\} 0$/m,
      /^ntmobile_build_info\{version="\d[^"]*",node="v\d[^"]*"\} 1$/m,
      /^process_resident_memory_bytes \d/m,
    ];
    let text = '';
    // The server of the restart order above may still be on its way with its report.
    do text = await (await network.get('/metrics')).text();
    while (!wanted.every((line) => line.test(text)));
    await check(text);
    assert.equal(await (await network.get('/metrics')).text().then((more) => wanted.every((l) => l.test(more))), true);
    stranger.close();
  });

  it('`up` with --metrics -> the figures of all five, and /ready', async () => {
    const up = ntmobile([
      'up',
      '--dir',
      join(network.dir, 'up'),
      '--json',
      '--metrics',
      `127.0.0.1:${network.ports.metrics}`,
    ]);
    await up.line();
    const text = await (await network.get('/metrics')).text();
    await check(text);
    for (const line of ['sessions{server="dc"} 0', 'connections{server="ns"} 0', 'relay_paths{server="rs"} 0']) {
      assert.ok(text.includes(`ntmobile_${line}`), line);
    }
    assert.equal(await (await network.get('/ready')).text(), 'ok\n');
    up.terminate();
    await up.finish();
  });
});
