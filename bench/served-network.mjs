/**
 * A network whose servers are processes of their own, each by `ntmobile serve`, on the hosts of a LAN (lan.mjs): the AS,
 * and one DC for each zone, with its NS and RS. `mn.bench.` has the accounts of MN, `cn.bench.` those of CN.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstLine } from './lab.mjs';

const dist = join(import.meta.dirname, '..', 'dist');
const require = createRequire(import.meta.url);
const { openSqliteStore } = require(join(dist, 'servers/store/sqlite-store.js'));
const { hashPassword } = require(join(dist, 'servers/account/password.js'));
const { formatKey, serverKey } = require(join(dist, 'servers/serve/server-key.js'));
const { nodeRandom } = require(join(dist, 'core/runtime-node.js'));

const main = join(dist, 'cli', 'main.js');
const PORTS = { as: 4610, dc: 4620, ns: 4630, rs: 4640, dns: 5310, metrics: 9610 };
export const password = 'correct horse';

export class ServedNetwork {
  #dir = mkdtempSync(join(tmpdir(), 'ntmobile-bench-'));
  #children = new Map();
  #spawned = [];

  /**
   * `zones`: of the DCs; with `ns` and `rs` each has its NS or RS too. `accounts`: { name: zone }. The host of a server
   * is called like it: `as`, `dc0`, `ns0`, `rs0`, `dc1`, ... `nodes`: so many addresses each zone has at least.
   */
  constructor(lan, { zones, ns = false, rs = false, accounts = {}, flags = [], nodes }) {
    Object.assign(this, { lan, zones, ns, rs, accounts, flags, nodes });
  }

  async start() {
    await this.#addAccounts();
    await this.startServer('as');
    for (const i of this.zones.keys()) {
      await this.startServer(`dc${i}`);
      if (this.ns) await this.startServer(`ns${i}`);
      if (this.rs) await this.startServer(`rs${i}`);
    }
    return this;
  }

  async startServer(name) {
    const kind = name.slice(0, 2);
    const config = join(this.#dir, `${name}.json`);
    writeFileSync(config, JSON.stringify(this.#settingsOf(name)));
    const child = this.spawn(name, [...this.flags, main, 'serve', kind, '--config', config, '--json']);
    this.#children.set(name, child);
    const { about } = JSON.parse(await firstLine(child, '"kind"'));
    if (kind === 'as') this.joinUrl = about.NTMOBILE_AS;
  }

  async stopServer(name) {
    await stop(this.#children.get(name));
  }

  /** A Node program on one of the hosts. */
  spawn(host, args, { env = {}, ipc = false } = {}) {
    const [command, ...rest] = [...this.lan.commandOn(host), process.execPath, ...args];
    const child = spawn(command, rest, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? ['ipc'] : [])],
    });
    child.stderr.setEncoding('utf8').on('data', (text) => (child.errors = ((child.errors ?? '') + text).slice(-2_000)));
    this.#spawned.push(child);
    return child;
  }

  /** What a node logs in with. */
  loginOf(account) {
    const stateDir = join(this.#dir, `state-${account}`);
    mkdirSync(stateDir, { recursive: true, mode: 0o700 });
    return {
      ...{ NTMOBILE_AS: this.joinUrl, NTMOBILE_ACCOUNT: account, NTMOBILE_PASSWORD: password },
      NTMOBILE_STATE_DIR: stateDir,
    };
  }

  fqdnOf(account) {
    return `${account}.${this.accounts[account]}`;
  }

  file(name) {
    return join(this.#dir, name);
  }

  /** The server's process id; `ip netns exec` becomes the program that it runs. */
  pidOf(name) {
    return this.#children.get(name).pid;
  }

  endpointOf(name) {
    return { address: this.lan.addressOf(name), port: PORTS[name.slice(0, 2)] + Number(name[2] ?? 0) };
  }

  /** Where a server with the flag --inspect said that its inspector listens. */
  inspectorOf(name) {
    return /ws:\S+/.exec(this.#children.get(name).errors)[0];
  }

  async metricsOf(name) {
    return (await fetch(`http://${this.#metricsOf(name)}/metrics`)).text();
  }

  dirOf(name) {
    const dir = join(this.#dir, name);
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    return dir;
  }

  async close() {
    await Promise.all(this.#spawned.map(stop));
    rmSync(this.#dir, { recursive: true, force: true });
  }

  async #addAccounts() {
    const store = openSqliteStore(this.dirOf('as'));
    try {
      const hash = await hashPassword(password, nodeRandom);
      for (const [name, zone] of Object.entries(this.accounts)) await store.accounts.add(name, hash, Date.now(), zone);
    } finally {
      store.close();
    }
  }

  #settingsOf(name) {
    const [kind, i] = [name.slice(0, 2), Number(name[2] ?? 0)];
    const zone = this.zones[i];
    const common = { dir: this.dirOf(name), metrics: this.#metricsOf(name) };
    const listen = this.#listenOf(name);
    if (kind === 'as') {
      const coordinators = this.zones.map((each, j) => ({ ...this.#dc(each, j), nodes: this.nodes }));
      return { ...common, listen, zone, coordinators };
    }
    if (kind !== 'dc') return { ...common, name: kind, listen, coordinator: this.#dc(zone, i) };
    const servers = ['ns', 'rs'].filter((each) => this[each]);
    return {
      ...{ ...common, listen, zone, accountServer: this.joinUrl },
      dns: this.#dnsOf(i),
      // Whoever delegates the zones, he leads to the other DC, which is authoritative.
      resolver: [this.#dnsOf((i + 1) % this.zones.length)],
      servers: servers.map((each) => ({ kind: each, name: each, key: this.keyOf(`${each}${i}`) })),
    };
  }

  #dc(zone, i) {
    return { zone, key: this.keyOf(`dc${i}`), endpoint: this.#listenOf(`dc${i}`) };
  }

  #listenOf(name) {
    const { address, port } = this.endpointOf(name);
    return `${address}:${port}`;
  }

  #dnsOf(i) {
    return `${this.lan.addressOf(`dc${i}`)}:${PORTS.dns + i}`;
  }

  #metricsOf(name) {
    const offset = ['as', 'dc', 'ns', 'rs'].indexOf(name.slice(0, 2)) * 10 + Number(name[2] ?? 0);
    return `${this.lan.addressOf(name)}:${PORTS.metrics + offset}`;
  }

  keyOf(name) {
    return formatKey(serverKey(this.dirOf(name), nodeRandom).publicKey);
  }
}

/** Processor time of a process until now. */
export function cpuMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]); // utime, stime in clock ticks of 10 ms (proc_pid_stat(5))
  return ticks * 10;
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  await ended;
}
