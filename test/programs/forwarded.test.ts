/** Unmodified clients talk by name to Debian's servers, which `ntmobile forward` brings into the network. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeCertificate } from '../support/certificate';
import { freePort } from '../support/free-ports';
import { example, Network, ntmobile } from '../support/network';
import { temporaryDirectory } from '../support/paths';
import type { Program } from '../support/processes';
import { describeWith, runServer, startRedis } from '../support/servers';

/** What every suite here has: a network, and bob's forward to a server that runs. */
class Forwarded {
  readonly dir = temporaryDirectory();
  network!: Network;
  server!: Program;
  forward!: Program;

  get fqdn(): string {
    return this.network.fqdn('bob');
  }

  async start(server: Program, virtualPort: number, port: number): Promise<void> {
    this.server = server;
    this.network = await Network.start();
    const args = ['forward', '--in', `${virtualPort}:127.0.0.1:${port}`, '--json'];
    this.forward = ntmobile(args, this.network.environment('bob'));
    await this.forward.line();
  }

  async dial(name: string, ...args: string[]): Promise<unknown> {
    return this.network.program('alice', [example(name), ...args]).json();
  }

  async stop(): Promise<void> {
    if (this.forward) {
      this.forward.terminate();
      await this.forward.finish();
    }
    if (this.server) {
      this.server.signal('SIGINT'); // PostgreSQL: do not wait for clients
      await this.server.ended;
    }
    if (this.network) await this.network.close();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

describeWith(['redis-server'], 'ioredis and redis-server', function () {
  this.timeout(30_000);
  const forwarded = new Forwarded();
  before(async () => {
    const [redis, port] = await startRedis(forwarded.dir);
    await forwarded.start(redis, 6379, port);
  });
  after(() => forwarded.stop());

  it('by name: a pipeline, 8 MB each way, publish and subscribe, a killed connection -> all of it', async () => {
    assert.deepEqual(await forwarded.dial('redis/client.mjs', forwarded.fqdn, '6379'), {
      ...{ stored: 10_000, right: true, same: true, counted: [1, 42] },
      ...{ heard: 'fit to print', job: 'job', after: 'value 42' },
    });
  });
});

describeWith(['postgres', 'initdb'], 'pg and PostgreSQL', function () {
  this.timeout(30_000);
  const forwarded = new Forwarded();
  let certFile: string;
  const certificateDir = temporaryDirectory();
  before(async () => {
    const { dir } = forwarded;
    const port = await freePort();
    const certificate = await writeCertificate(certificateDir, 'bob.ntm.internal');
    certFile = certificate.certFile;
    const where = join(dir, 'cluster');
    const auth = ['--auth=trust', '--username=nobody', '--no-sync', '--locale=C', '--encoding=UTF8'];
    await (await runServer('initdb', [...auth, where])).finish();
    const settings = { port, unix_socket_directories: '', listen_addresses: '127.0.0.1', fsync: 'off', ssl: 'on' };
    const files = { ssl_cert_file: certificate.certFile, ssl_key_file: certificate.keyFile };
    const options = Object.entries({ ...settings, ...files }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const postgres = await runServer('postgres', ['-D', where, ...options], 'errors as output');
    await postgres.line((line) => line.includes('ready to accept connections'));
    await forwarded.start(postgres, 5432, port);
  });
  after(async () => {
    await forwarded.stop();
    rmSync(certificateDir, { recursive: true });
  });

  it('by name: TLS, a pool, 50,000 rows, a transaction, NOTIFY, an ended session -> as anywhere', async () => {
    assert.deepEqual(await forwarded.dial('postgres/client.cjs', forwarded.fqdn, '5432', certFile), {
      ...{ secured: true, rows: 50_000, right: true, connections: 4, named: 200 },
      ...{ refused: '23502', left: 50_000, payload: 'falling', lost: '57P01', alive: 1 },
    });
  });
});

describeWith(['mosquitto'], 'MQTT.js and mosquitto', function () {
  this.timeout(30_000);
  const forwarded = new Forwarded();
  before(async () => {
    const port = await freePort();
    const configuration = join(forwarded.dir, 'mosquitto.conf');
    // By default it ends the connection of who has more than 20 messages of QoS 2 unsettled, and forgets what a
    // subscriber has not yet taken beyond 1,000.
    const settings = ['allow_anonymous true', 'max_inflight_messages 0', 'max_queued_messages 0'];
    writeFileSync(configuration, [`listener ${port} 127.0.0.1`, ...settings, ''].join('\n'));
    const mosquitto = await runServer('mosquitto', ['-c', configuration, '-v'], 'errors as output');
    await mosquitto.line((line) => /mosquitto version \S+ running/.test(line));
    await forwarded.start(mosquitto, 1883, port);
  });
  after(() => forwarded.stop());

  it('by name: 3,000 messages from five publishers, 4 MB, a will, lost connections -> each of them once', async () => {
    assert.deepEqual(await forwarded.dial('mqtt/client.mjs', `mqtt://${forwarded.fqdn}:1883`), {
      ...{ received: [1000, 1000, 1000], repeated: [0, 0, 0], same: true, kept: 'for later' },
      ...{ will: 'gone', meanwhile: 'you were away' },
    });
  });
});
