#!/usr/bin/env node
/**
 * The demo: two unmodified programs talk by name. In order:
 *   1. `ntmobile up`: the servers, with accounts alice and bob
 *   2. as bob, the Express server; as alice, the client: each `node -r ntmobile/register PROGRAM`
 *   3. what they said and measured, checked
 *   4. the signalling between them, from their traces
 *   5. everything ends, and cleanly
 * Exits 0 when all of it worked.
 */
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { isIPv6 } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeCertificate } from './certificate.mjs';
import { killAll, Program } from './programs.mjs';
import { readSteps, stepLines } from './steps.mjs';

const LIMIT_MS = 120_000;
const BLOB_BYTES = 100_000_000;
const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

const say = (line = '') => process.stdout.write(`${line}\n`);

function check(ok, what) {
  if (!ok) throw new Error(`not as it should be: ${what}`);
}

async function demo(dir) {
  const passwords = { alice: randomBytes(9).toString('base64url'), bob: randomBytes(9).toString('base64url') };
  const up = startServers(dir, passwords);
  const network = JSON.parse(await up.line());
  const fqdnOf = (name) => network.accounts.find((account) => account.name === name).fqdn;
  const bobFqdn = fqdnOf('bob');
  say(`servers    AS, DC, NS, RS and CS of zone ${network.zone}`);
  const hostKnows = askHost(bobFqdn); // meanwhile: a host without a resolver takes its time to say so

  const as = (name) => ({
    NTMOBILE_AS: network.as,
    NTMOBILE_ACCOUNT: name,
    NTMOBILE_PASSWORD: passwords[name],
    NTMOBILE_STATE_DIR: join(dir, `state-${name}`),
    NTMOBILE_TRACE: join(dir, `${name}.ndjson`),
    NTMOBILE_REQUIRED: '1',
  });
  const certificate = await writeCertificate(dir, bobFqdn);
  const server = startServer(certificate, as('bob'));
  const [http, https] = (await server.line((line) => line.startsWith('listening'))).match(/\d+/g);
  say(`bob        examples/express-server.cjs, process ${server.child.pid}, ports ${http} and ${https}`);

  const bases = [`http://${bobFqdn}:${http}`, `https://${bobFqdn}:${https}`];
  const client = startClient(bases, certificate, as('alice'));
  say(`alice      examples/two-libraries-client.mjs, process ${client.child.pid}, asks for ${bobFqdn}`);
  say();
  await client.success();
  judge(client.lines.map((line) => JSON.parse(line)));
  check((await hostKnows) === undefined, `the host's own DNS knows ${bobFqdn}: ${await hostKnows}`);
  say(`  without the preload: the host's DNS has no address for ${bobFqdn}`);

  await server.stop();
  await up.stop();
  return ['up', 'bob', 'alice'].map((name) => join(dir, `${name}.ndjson`));
}

function startServers(dir, passwords) {
  const accounts = Object.entries(passwords).flatMap(([name, password]) => ['--account', `${name}:${password}`]);
  const command = [join(root, 'dist/cli/main.js'), 'up', '--dir', join(dir, 'servers'), ...accounts, '--json'];
  return new Program('ntmobile up', command, { NTMOBILE_TRACE: join(dir, 'up.ndjson') });
}

function startServer({ keyFile, certFile }, env) {
  return unmodified('the server', 'express-server.cjs', ['0', '0', keyFile, certFile], env); // any free ports
}

function startClient(bases, { certFile }, env) {
  const args = [...bases, String(BLOB_BYTES)];
  return unmodified('the client', 'two-libraries-client.mjs', args, { ...env, NODE_EXTRA_CA_CERTS: certFile });
}

function unmodified(name, program, args, env) {
  // `ntmobile/register` is found from the working directory, as it would be in a project that installed ntmobile.
  return new Program(name, ['-r', 'ntmobile/register', join(root, 'examples', program), ...args], env);
}

/** The address that the host's own network knows for a name, if any. */
async function askHost(fqdn) {
  return lookup(fqdn).then(
    ({ address }) => address,
    () => undefined,
  );
}

function judge(facts) {
  const gets = facts.filter(({ did }) => did === 'get');
  check(gets.length === 4, `two libraries over HTTP and HTTPS, ${gets.length} answers`);
  for (const { with: library, url, status, body, ms } of gets) {
    check(status === 200, `${library} ${url}: status ${status}`);
    check(isVirtual(body.from) && isVirtual(body.to), `${url} came from ${body.from} to ${body.to}`);
    say(`  GET ${url}  ${library}: ${status}, ${body.from} -> ${body.to}, ${ms.toFixed(1)} ms`);
  }
  const blob = facts.find(({ did }) => did === 'download');
  check(blob?.status === 200 && blob.received === BLOB_BYTES, `${blob?.received} of ${BLOB_BYTES} bytes arrived`);
  check(blob.sha256 === blob.expectedSha256, `SHA-256 ${blob.sha256} is not ${blob.expectedSha256}`);
  const rate = BLOB_BYTES / 1e6 / (blob.ms / 1000);
  say(`  GET ${blob.url}  ${(blob.ms / 1000).toFixed(2)} s, ${rate.toFixed(0)} MB/s`);
  say(`      SHA-256 ${blob.sha256}, the same at both ends`);
}

/** Virtual addresses are of 198.18.0.0/15 or an IPv6 ULA; a dual-stack listener sees IPv4 as ::ffff:a.b.c.d. */
function isVirtual(address) {
  return isIPv6(address) && !address.startsWith('::ffff:') ? /^f[cd]/.test(address) : /(^|:)198\.1[89]\./.test(address);
}

function conclude(traces) {
  const steps = readSteps(traces);
  check(steps.some(({ figure }) => figure === 4) && steps.some(({ figure }) => figure === 5), 'traced signalling');
  say();
  say('Signalling, by the steps of the paper (time sent, and how long it was under way):');
  for (const line of stepLines(steps)) say(line);
  say();
  say('Shown: two ordinary programs, in two processes, found and reached each other by an NTMobile name that the');
  say("host's DNS does not know, over plain HTTP and HTTPS, through an encrypted tunnel; and all of it ended cleanly.");
}

const dir = mkdtempSync(join(tmpdir(), 'ntmobile-demo-'));
const expired = new Promise((_, fail) => {
  setTimeout(() => fail(new Error(`not done after ${LIMIT_MS / 1000} s`)), LIMIT_MS).unref();
});
try {
  conclude(await Promise.race([demo(dir), expired]));
} catch (error) {
  process.stderr.write(`demo: FAILED: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  await killAll();
  rmSync(dir, { recursive: true, force: true });
}
