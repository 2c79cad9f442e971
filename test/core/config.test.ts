import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../core/config';
import { NtmError } from '../../core/errors';

const as = `ntmobile://127.0.0.1:4500/?key=${Buffer.alloc(32, 7).toString('base64url')}&zone=Ntm.Internal`;
const complete = { NTMOBILE_AS: as, NTMOBILE_ACCOUNT: 'Alice', NTMOBILE_PASSWORD: 'secret' };

function refuses(env: NodeJS.ProcessEnv, message: RegExp): void {
  assert.throws(
    () => readConfig(env),
    (error) => error instanceof NtmError && error.code === 'NTM_CONFIG' && message.test(error.message),
  );
}

describe('settings', () => {
  let dir: string;
  before(() => (dir = mkdtempSync(join(tmpdir(), 'ntmobile-config-'))));
  after(() => rmSync(dir, { recursive: true }));

  it('complete variables: read -> defaults filled in, names in normal form', () => {
    const config = readConfig({ ...complete, NTMOBILE_DOMAINS: 'Ops.Example, lab.example.' });
    assert.equal(config.account, 'alice');
    assert.equal(config.node, null);
    assert.deepEqual(config.domains, ['ops.example', 'lab.example', 'ntm.internal']);
    assert.equal(config.listen, 'both');
    assert.equal(config.route, 'auto');
    assert.equal(config.portMapping, 'auto');
    assert.equal(readConfig({ ...complete, NTMOBILE_PORT_MAPPING: 'off' }).portMapping, 'off');
    assert.equal(config.standby, 'auto');
    assert.equal(readConfig({ ...complete, NTMOBILE_STANDBY: 'off' }).standby, 'off');
    assert.equal(config.log, 'warn');
    assert.equal(config.required, false);
    assert.equal(config.accountServer.port, 4500);
  });

  it('a join key: read -> stands for account and password; from a file, it is read anew', () => {
    const key = (digit: string) => `ntmk-${digit.repeat(16)}-${'A'.repeat(43)}`;
    const config = readConfig({ NTMOBILE_AS: as, NTMOBILE_JOIN_KEY: ` ${key('1')}\n` });
    assert.deepEqual([config.account, config.password(), config.byJoinKey], [`key-${'1'.repeat(16)}`, key('1'), true]);
    assert.equal(readConfig({ ...complete, NTMOBILE_JOIN_KEY: key('1') }).byJoinKey, true);
    assert.equal(readConfig(complete).byJoinKey, false);
    const file = join(dir, 'key');
    writeFileSync(file, `${key('2')}\n`);
    const settings = join(dir, 'join-key.json');
    writeFileSync(settings, JSON.stringify({ as, joinKeyFile: file }));
    const fromFile = readConfig({ NTMOBILE_CONFIG: settings });
    assert.equal(fromFile.password(), key('2'));
    writeFileSync(file, key('3'));
    assert.equal(fromFile.password(), key('3'));
    refuses({ NTMOBILE_AS: as, NTMOBILE_JOIN_KEY: key('1').slice(0, -1) }, /NTMOBILE_JOIN_KEY is no join key/);
    refuses({ NTMOBILE_AS: as, NTMOBILE_JOIN_KEY_FILE: join(dir, 'none') }, /NTMOBILE_JOIN_KEY_FILE: cannot read/);
  });

  it('a setting is missing or malformed: read -> NTM_CONFIG names the variable', () => {
    refuses({ ...complete, NTMOBILE_ACCOUNT: undefined }, /NTMOBILE_ACCOUNT is not set/);
    refuses({ ...complete, NTMOBILE_PASSWORD: undefined }, /NTMOBILE_PASSWORD or NTMOBILE_PASSWORD_FILE/);
    refuses({ ...complete, NTMOBILE_ACCOUNT: 'a.b' }, /NTMOBILE_ACCOUNT must be a DNS label/);
    refuses({ ...complete, NTMOBILE_LISTEN: 'none' }, /NTMOBILE_LISTEN/);
    refuses({ ...complete, NTMOBILE_PORT_MAPPING: 'on' }, /NTMOBILE_PORT_MAPPING/);
    refuses({ ...complete, NTMOBILE_ALLOW: 'alice.*:443,bob' }, /NTMOBILE_ALLOW rule `bob` names no ports/);
    refuses({ ...complete, NTMOBILE_LOG: 'verbose' }, /NTMOBILE_LOG must be one of silent, error, warn, info, debug/);
    refuses({ ...complete, NTMOBILE_ALLOW: '' }, /NTMOBILE_ALLOW is empty/);
    refuses({ ...complete, NTMOBILE_AS: 'http://127.0.0.1' }, /NTMOBILE_AS/);
  });

  it('a malformed setting: read -> no message holds the password', () => {
    refuses({ ...complete, NTMOBILE_LISTEN: 'none' }, /^(?!.*secret).*$/);
  });

  it('a configuration file: read -> variables win', () => {
    const file = join(dir, 'config.json');
    writeFileSync(file, JSON.stringify({ as, account: 'bob', password: 'x', listen: 'host', domains: ['a.example'] }));
    const config = readConfig({ NTMOBILE_CONFIG: file, NTMOBILE_ACCOUNT: 'carol' });
    assert.equal(config.account, 'carol');
    assert.equal(config.listen, 'host');
    assert.deepEqual(config.domains, ['a.example', 'ntm.internal']);
  });

  it('inbound rules as text or as a list in a configuration file: read -> rules; malformed -> NTM_CONFIG', () => {
    const file = join(dir, 'allow.json');
    const readWith = (allow: unknown): ReturnType<typeof readConfig> => {
      writeFileSync(file, JSON.stringify({ allow }));
      return readConfig({ ...complete, NTMOBILE_CONFIG: file });
    };
    for (const allow of ['bob.example:443', ['bob.example:443']]) {
      const rules = readWith(allow).allow!;
      const admits = (name: string): boolean => rules.admits(name, 'tcp', 443, () => false);
      assert.deepEqual([admits('bob.example'), admits('carol.example')], [true, false]);
    }
    assert.equal(readConfig(complete).allow, undefined);
    for (const allow of [[], '', null, 443, {}, [443], ['bob']]) {
      assert.throws(() => readWith(allow), { code: 'NTM_CONFIG', message: /^NTMOBILE_ALLOW / }, JSON.stringify(allow));
    }
  });

  it('a password file: read -> its line without the newline', () => {
    const file = join(dir, 'password');
    writeFileSync(file, 'correct horse\n');
    const { NTMOBILE_AS, NTMOBILE_ACCOUNT } = complete;
    const rest = { NTMOBILE_AS, NTMOBILE_ACCOUNT };
    assert.equal(readConfig({ ...rest, NTMOBILE_PASSWORD_FILE: file }).password(), 'correct horse');
    refuses({ ...rest, NTMOBILE_PASSWORD_FILE: join(dir, 'none') }, /NTMOBILE_PASSWORD_FILE/);
  });
});
