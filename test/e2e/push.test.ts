import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'mocha';
import { writeCertificate } from '../support/certificate';
import { freePorts } from '../support/free-ports';
import { ntmobile } from '../support/network';
import { temporaryDirectory } from '../support/paths';
import { killRunning, Program } from '../support/processes';
import { FcmServer } from '../support/push-servers';

const ZONE = 'ntm.test';
const kinds = ['as', 'dc', 'ns'] as const;
/** Whoever dials it ends with a reset: an error that nobody takes would end this program, too, which would sign off. */
const echo = `require("net").createServer((s) => s.on("error", () => {}).pipe(s))
  .listen(7, () => console.log("listening"))`;
const dial = `require("net").connect(7, "alice.${ZONE}").on("data", (d) => { console.log(String(d)); process.exit(); })
  .on("error", (e) => { console.log(e.code, e.cause && e.cause.code); process.exit(); }).write("hello")`;

describe('a network of processes with an account at FCM', function () {
  this.timeout(60_000);
  let dir: string;
  let as: string;
  let fcm: FcmServer;
  let ports: Record<(typeof kinds)[number], number>;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });

  const settingsOf = async (kind: (typeof kinds)[number], keys: Record<string, string>) => {
    const at = (port: number): string => `127.0.0.1:${port}`;
    const common = { dir: join(dir, kind), listen: at(ports[kind]) };
    switch (kind) {
      case 'as':
        return { ...common, zone: ZONE, coordinators: [{ zone: ZONE, key: keys['dc'] }] };
      case 'dc':
        return { ...common, zone: ZONE, accountServer: as, servers: [{ kind: 'ns', name: 'ns1', key: keys['ns'] }] };
      case 'ns': {
        const push = { fcm: { serviceAccountFile: 'account.json', caFile: 'cert.pem', endpoint: fcm.origin } };
        const coordinator = { zone: ZONE, endpoint: at(ports.dc), key: keys['dc'] };
        return { ...common, name: 'ns1', coordinator, push, drainSeconds: 1 };
      }
    }
  };

  const program = (account: string, code: string, env: NodeJS.ProcessEnv = {}): Program =>
    Program.node(['-r', 'ntmobile/register', '-e', code], {
      ...{ NTMOBILE_AS: as, NTMOBILE_ACCOUNT: account, NTMOBILE_PASSWORD: 'right', ...env },
      NTMOBILE_STATE_DIR: join(dir, `state-${account}`),
    });

  const alice = (): Promise<string> =>
    program('alice', echo, { NTMOBILE_PUSH: 'fcm:phone-of-alice' }).line((line) => line === 'listening');

  before(async () => {
    dir = temporaryDirectory();
    const free = await freePorts(kinds.length);
    ports = Object.fromEntries(kinds.map((kind, i) => [kind, free[i]])) as typeof ports;
    const { keyFile, certFile } = await writeCertificate(dir, 'localhost');
    const certificate = { key: readFileSync(keyFile, 'utf8'), cert: readFileSync(certFile, 'utf8') };
    const [project, email, keyId] = ['example-app', 'push@example', 'key-1'];
    fcm = new FcmServer(certificate, { project, email, keyId, publicKey: rsa.publicKey }, () => Date.now());
    await fcm.listen();
    const account = {
      ...{ project_id: project, client_email: email, private_key_id: keyId, token_uri: `${fcm.origin}/token` },
      private_key: rsa.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    };
    writeFileSync(join(dir, 'account.json'), JSON.stringify(account));
    const keys: Record<string, string> = {};
    const keyOf = async (kind: string): Promise<void> => {
      const { key } = await ntmobile(['key', '--dir', join(dir, kind), '--json']).json<{ key: string }>();
      keys[kind] = key;
    };
    await Promise.all(kinds.map(keyOf));
    for (const kind of kinds) {
      const config = join(dir, `${kind}.json`);
      writeFileSync(config, JSON.stringify(await settingsOf(kind, keys)));
      const server = ntmobile(['serve', kind, '--config', config, '--json']);
      const { about } = JSON.parse(await server.line((line) => line.includes('"about"'))) as { about: any };
      if (kind === 'as') as = about.NTMOBILE_AS;
      if (kind === 'ns') assert.equal(about['pushes by'], 'fcm');
    }
    const add = (name: string) => ntmobile(['account', 'add', `${name}:right`, '--dir', join(dir, 'as')]).finish();
    await Promise.all(['alice', 'bob'].map(add));
  });

  after(async () => {
    await killRunning();
    await fcm.close();
    rmSync(dir, { recursive: true });
  });

  it('its process was killed: dialled -> FCM is asked to wake it; it starts -> the dial goes through', async () => {
    const phone = program('alice', echo, { NTMOBILE_PUSH: 'fcm:phone-of-alice', NTMOBILE_LOG: 'info' });
    await phone.line((line) => line === 'listening');
    await phone.errorLine((said) => said.includes('joined as'));
    const first = program('bob', dial);
    assert.equal(await first.finish(), 'hello');
    assert.deepEqual(fcm.messages, []);
    await phone.kill();
    const second = program('bob', dial);
    await Promise.race([fcm.received(1), second.ended]); // if it gave up, its reason is said below
    await alice();
    assert.equal(await second.line(), 'hello');
    assert.deepEqual(fcm.messages, ['phone-of-alice']);
    assert.deepEqual(fcm.complaints, []);
  });
});
