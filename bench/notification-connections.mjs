#!/usr/bin/env node
/**
 * node bench/notification-connections.mjs [COUNT]: what COUNT (default 10,000) kept TCP connections cost one NS process:
 * memory for each, and the bytes and packets of an idle node. On loopback; this process is the DC and all the nodes.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstLine } from './lab.mjs';

const require = createRequire(import.meta.url);
const dist = join(import.meta.dirname, '..', 'dist');
const { NotificationClient } = require(join(dist, 'core/negotiation/notification-client.js'));
const { nodeRuntime } = require(join(dist, 'core/runtime-node.js'));
const { noTrace } = require(join(dist, 'core/trace.js'));
const { agreedKey, generateKeyPair } = require(join(dist, 'core/wire/keys.js'));
const { Signalling } = require(join(dist, 'core/wire/signalling.js'));
const { hostMachine } = require(join(dist, 'servers/host.js'));

const count = Number(process.argv[2] ?? 10_000);
const AT_ONCE = 200;
const ZONE = 'bench.test';
const loopback = (port) => ({ address: '127.0.0.1', port });
const { clock, timers, random } = nodeRuntime;

const dir = mkdtempSync(join(tmpdir(), 'ntmobile-bench-'));
const identity = generateKeyPair(random);
const dc = await hostMachine(loopback(0), { trace: noTrace }, (ports) => {
  const signalling = new Signalling({ party: 'dc', part: 'dc', identity, ...ports });
  signalling.handle('serverReport', () => ({ name: 'serverReportAck', body: {} }));
  return { signalling, receive: (d, from) => signalling.receive(d, from), close: () => signalling.close() };
});
const { signalling } = dc.machine;
const base64url = (bytes) => Buffer.from(bytes).toString('base64url');
const settings = {
  ...{ dir, name: 'ns1', listen: '127.0.0.1:24500', metrics: '127.0.0.1:24501', drainSeconds: 1 },
  coordinator: { zone: ZONE, endpoint: `127.0.0.1:${dc.local.port}`, key: base64url(identity.publicKey) },
  limits: { connections: count, perSource: count },
};
writeFileSync(join(dir, 'ns.json'), JSON.stringify(settings));

const cli = join(dist, 'cli/main.js');
const keyOf = spawn(process.execPath, [cli, 'key', '--dir', dir], { stdio: ['ignore', 'pipe', 'pipe'] });
const publicKey = new Uint8Array(Buffer.from((await firstLine(keyOf)).trim(), 'base64url'));
const ns = signalling.addPeer({ key: agreedKey(identity, publicKey), party: 'ns', name: `ns1.${ZONE}` });
const server = spawn(process.execPath, [cli, 'serve', 'ns', '--config', join(dir, 'ns.json'), '--json'], {
  stdio: ['ignore', 'pipe', 'pipe'],
});
try {
  await firstLine(server, '"kind":"ns"');
  await sleep(2_000);
  const before = await memory();
  const clients = [];
  const began = performance.now();
  for (let i = 0; i < count; i += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, count - i) }, (_, n) => connect(i + n));
    clients.push(...(await Promise.all(some)));
  }
  const connectedSeconds = (performance.now() - began) / 1_000;
  await sleep(5_000);
  const after = await memory();
  const figure = (metric, unit, value) => ({ system: 'ntmobile', metric, unit, value });
  const perConnection = (key) => Math.round((after[key] - before[key]) / count);
  const figures = [
    figure('connections', 'count', after.connections),
    figure('connections opened and registered', '1/s', Math.round(count / connectedSeconds)),
    figure('resident memory of the NS per connection', 'byte', perConnection('resident')),
    figure('JavaScript heap of the NS per connection', 'byte', perConnection('heap')),
  ];
  process.stdout.write(`${JSON.stringify({ bench: 'notification-connections', figures })}\n`);
  for (const client of clients) client.close();
} finally {
  server.kill('SIGTERM');
  await once(server, 'exit');
  await dc.close();
  rmSync(dir, { recursive: true });
}

async function connect(i) {
  const key = random.bytes(32);
  const message = { name: 'notificationServiceRequest', body: { fqdn: `n${i}.${ZONE}`, key } };
  await signalling.request(ns, loopback(24500), message);
  return new Promise((resolve, reject) => {
    const client = new NotificationClient({
      ...{ clock, timers, random, trace: noTrace, part: 'node', endpoint: loopback(24500), key },
      openStreamPort: nodeRuntime.openStreamPort,
      push: () => undefined,
      onConnected: () => resolve(client),
      onLost: () => reject(new Error('the NS is gone')),
      onNotification() {},
      onRenewal() {},
      onPushRefused() {},
    });
  });
}

/** Resident by the kernel's count, heap by Node's, after it had time to collect garbage. */
async function memory() {
  const status = readFileSync(`/proc/${server.pid}/status`, 'utf8');
  const metrics = await (await fetch('http://127.0.0.1:24501/metrics')).text();
  const metric = (name) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(metrics)?.[1]);
  return {
    resident: Number(/VmRSS:\s+(\d+)/.exec(status)[1]) * 1_024,
    heap: metric('nodejs_heap_size_used_bytes'),
    connections: metric('ntmobile_connections'),
  };
}
