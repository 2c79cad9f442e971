/** examples/deploy: settings that are right and name everything there is, units that systemd takes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { allSettingNames } from '../../servers/setting-names';
import { readSettings } from '../../servers/serve/config-file';
import { settings, type Kind } from '../../servers/serve/settings';
import { run, temporaryDirectory } from '../support/command';
import { projectRoot } from '../support/paths';

const deploy = join(projectRoot, 'examples/deploy');
const kinds = Object.keys(settings) as Kind[];
const KEY = Buffer.alloc(32, 7).toString('base64url');

/** What is commented out is set. */
const uncommented = (text: string): string => text.replace(/^(\s*)\/\/ ("[\w]+": [^/\n]*,)/gm, '$1$2');

describe('examples/deploy', function () {
  this.timeout(20_000);
  let directory: ReturnType<typeof temporaryDirectory>;
  beforeEach(() => (directory = temporaryDirectory()));
  afterEach(() => directory.remove());

  const check = async (kind: Kind, text: string) => {
    const path = join(directory.path, `${kind}.json`);
    writeFileSync(path, text);
    return run(['serve', kind, '--config', path, '--check']);
  };

  for (const kind of kinds) {
    const text = readFileSync(join(deploy, `${kind}.json`), 'utf8');
    const withKeys = text.replace(/KEY-OF-[A-Z-]+/g, KEY);

    it(`${kind}.json: as it is -> only its keys are to be put in; with keys -> right, also with all that is commented out`, async () => {
      const asItIs = await check(kind, text);
      assert.equal(asItIs.code, 2);
      const lines = asItIs.stderr.trim().split('\n');
      assert.equal(lines.length, text.match(/KEY-OF-/g)?.length);
      for (const line of lines) assert.match(line, /"ntmobile key --dir DIR" prints|"serve as" prints/);
      const more = uncommented(withKeys);
      assert.notEqual(more, withKeys);
      const { code, stderr } = await check(kind, withKeys);
      assert.equal(code, 0, stderr);
      const path = join(directory.path, 'more.json');
      writeFileSync(path, more);
      readSettings(kind, path);
    });

    it(`${kind}.json: every setting there is -> stands there, commented out or not`, () => {
      const more = uncommented(text);
      const missing = allSettingNames(settings[kind]).filter((name) => !more.includes(`"${name.split('.').at(-1)}":`));
      assert.deepEqual(missing, []);
    });

    it(`${kind}.json: its directory -> the one that the unit makes`, () => {
      assert.ok(text.includes(`"dir": "/var/lib/ntmobile-${kind}",`));
    });
  }

  it('the unit, of each kind and with port 53 -> systemd finds no fault', function () {
    if (!existsSync('/usr/bin/systemd-analyze')) return this.skip();
    for (const kind of kinds) copyFileSync(join(deploy, 'systemd/ntmobile@.service'), unit(kind));
    const dropIn = readFileSync(join(deploy, 'systemd/ntmobile@dc.service.d/dns.conf'), 'utf8');
    writeFileSync(unit('dc'), `${readFileSync(unit('dc'), 'utf8')}\n${dropIn}`);
    const verified = spawnSync('systemd-analyze', ['verify', ...kinds.map(unit)], { encoding: 'utf8' });
    const faults = verified.stderr.split('\n').filter((line) => line.includes('ntmobile@'));
    assert.deepEqual([verified.status, faults], [0, []], verified.stderr);
    writeFileSync(unit('as'), readFileSync(unit('as'), 'utf8').replace('RestartSec=2', 'RestartSeconds=2'));
    const wrong = spawnSync('systemd-analyze', ['verify', unit('as')], { encoding: 'utf8' });
    assert.match(wrong.stderr, /Unknown key.*RestartSeconds/, 'it would find one');
  });

  it('the unit and the drop-in: what they say -> one directive a line, none twice but lists, and what must be', () => {
    const text = readFileSync(join(deploy, 'systemd/ntmobile@.service'), 'utf8');
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    for (const line of lines) assert.match(line, /^(\[(Unit|Service|Install)\]|[A-Z][A-Za-z]+=.*)$/);
    const names = lines.filter((line) => !line.startsWith('[')).map((line) => line.split('=')[0]);
    assert.equal(new Set(names).size, names.length);
    for (const wanted of [
      'ExecStart=/usr/bin/env ntmobile serve %i --config /etc/ntmobile/%i.json',
      'ExecReload=/bin/kill -HUP $MAINPID',
      'DynamicUser=yes',
      'StateDirectory=ntmobile-%i',
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      'CapabilityBoundingSet=',
      'Restart=on-failure',
      'RestartPreventExitStatus=2',
    ]) {
      assert.ok(lines.includes(wanted), wanted);
    }
    assert.match(
      readFileSync(join(deploy, 'systemd/ntmobile@dc.service.d/dns.conf'), 'utf8'),
      /^CapabilityBoundingSet=CAP_NET_BIND_SERVICE$/m,
    );
  });

  const unit = (kind: Kind): string => join(directory.path, `ntmobile@${kind}.service`);
});
