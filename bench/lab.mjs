/**
 * Two hosts in network namespaces, `client` and `server`, joined by a cable (veth) or through a middlebox that delays
 * and loses; on request with wireguard-go on both. Everything is removed by close().
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const DEVICE = 'wgbench';
export const WIREGUARD_PORT = 51_820;
const HOSTS = {
  client: { outside: '10.111.1.1', gateway: '10.111.1.2', tunnel: '10.112.0.1' },
  server: { outside: '10.111.2.1', gateway: '10.111.2.2', tunnel: '10.112.0.2' },
};
const MIDDLEBOX_PORTS = { client: 40_001, server: 40_002 };
/** Also where ntmobile's and raw datagrams go. */
export const DATAGRAM_PORT = WIREGUARD_PORT;

const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

/** What is missing on this machine, or undefined. */
export function whyNoLab() {
  if (process.getuid() !== 0) return 'root';
  for (const command of ['ip', 'wg', 'wireguard-go']) {
    if (spawnSync('which', [command]).status !== 0) return command;
  }
  return undefined;
}

export class Lab {
  #suffix = process.pid.toString(36);
  #dir = mkdtempSync(join(tmpdir(), 'ntmobile-bench-'));
  #children = [];

  namespace(host) {
    return `ntmb${host[0]}${this.#suffix}`;
  }

  /** `path`: { delayMs, loss, seed } to go through a middlebox. `mtu` is the cable's. */
  constructor({ mtu = 1500, path } = {}) {
    this.path = path;
    const hosts = path ? ['client', 'server', 'middlebox'] : ['client', 'server'];
    for (const host of hosts) {
      ip('netns', 'add', this.namespace(host));
      ip('-n', this.namespace(host), 'link', 'set', 'lo', 'up');
    }
    if (path) for (const host of ['client', 'server']) this.#cable(host, 'middlebox', host, mtu);
    else this.#cable('client', 'server', 'cable', mtu);
    this.#congestionControl();
  }

  #cable(from, to, name, mtu) {
    const [a, b] = [this.namespace(from), this.namespace(to)];
    ip('link', 'add', 'cable', 'netns', a, 'type', 'veth', 'peer', 'name', name, 'netns', b);
    const { outside, gateway } = HOSTS[from];
    const far = to === 'server' ? HOSTS.server.outside : gateway;
    ip('-n', a, 'address', 'add', outside, 'peer', far, 'dev', 'cable');
    ip('-n', b, 'address', 'add', far, 'peer', outside, 'dev', name);
    for (const [namespace, device] of [
      [a, 'cable'],
      [b, name],
    ]) {
      ip('-n', namespace, 'link', 'set', device, 'mtu', String(mtu), 'up');
    }
  }

  /** CUBIC, as most kernels have it, also where another is the default; and buffers as large as ours may grow. */
  #congestionControl() {
    const allowed = 'net.ipv4.tcp_allowed_congestion_control';
    const before = execFileSync('sysctl', ['-n', allowed]).toString().trim();
    if (!before.split(' ').includes('cubic')) execFileSync('sysctl', ['-qw', `${allowed}=${before} cubic`]);
    const settings = [
      'net.ipv4.tcp_congestion_control=cubic',
      'net.ipv4.tcp_rmem=4096 131072 33554432',
      'net.ipv4.tcp_wmem=4096 65536 33554432',
    ];
    for (const host of ['client', 'server']) {
      execFileSync('ip', ['netns', 'exec', this.namespace(host), 'sysctl', '-qw', ...settings]);
    }
  }

  /** Where datagrams for the other host go: to it, or to the middlebox that forwards them. */
  endpoint(of, seenFrom) {
    if (this.path) return { address: HOSTS[seenFrom].gateway, port: MIDDLEBOX_PORTS[seenFrom] };
    return { address: HOSTS[of].outside, port: DATAGRAM_PORT };
  }

  outside(host) {
    return HOSTS[host].outside;
  }

  /** Starts the middlebox, with its random numbers from the beginning. */
  async startMiddlebox() {
    if (!this.path) return;
    const settings = {
      ...this.path,
      sides: ['client', 'server'].map((host) => ({
        port: MIDDLEBOX_PORTS[host],
        to: { address: HOSTS[host].outside, port: DATAGRAM_PORT },
      })),
    };
    const program = join(import.meta.dirname, 'middlebox.mjs');
    this.middlebox = this.run('middlebox', process.execPath, [program, JSON.stringify(settings)]);
    await firstLine(this.middlebox);
  }

  async stopMiddlebox() {
    if (this.middlebox) await stop(this.middlebox);
  }

  async startWireguard(mtu) {
    const keys = Object.fromEntries(['client', 'server'].map((host) => [host, newKeys()]));
    for (const host of ['client', 'server']) {
      const other = host === 'client' ? 'server' : 'client';
      const namespace = this.namespace(host);
      const daemon = this.run(host, 'wireguard-go', ['--foreground', `${DEVICE}${host[0]}`], { LOG_LEVEL: 'verbose' });
      await firstLine(daemon, 'UAPI listener started');
      const { address, port } = this.endpoint(other, host);
      const file = join(this.#dir, host);
      const lines = [
        ...['[Interface]', `PrivateKey = ${keys[host].privateKey}`, `ListenPort = ${WIREGUARD_PORT}`],
        ...['[Peer]', `PublicKey = ${keys[other].publicKey}`, `AllowedIPs = ${HOSTS[other].tunnel}/32`],
        `Endpoint = ${address}:${port}`,
      ];
      writeFileSync(file, lines.join('\n'), { mode: 0o600 });
      execFileSync('ip', ['netns', 'exec', namespace, 'wg', 'setconf', `${DEVICE}${host[0]}`, file]);
      const device = `${DEVICE}${host[0]}`;
      ip('-n', namespace, 'address', 'add', HOSTS[host].tunnel, 'peer', HOSTS[other].tunnel, 'dev', device);
      ip('-n', namespace, 'link', 'set', device, 'mtu', String(mtu), 'up');
    }
    this.#wireguard = this.#children.slice(-2);
    return HOSTS.server.tunnel;
  }

  #wireguard = [];

  async stopWireguard() {
    for (const daemon of this.#wireguard) await stop(daemon);
    this.#wireguard = [];
  }

  run(host, command, args, env = {}) {
    const child = spawn('ip', ['netns', 'exec', this.namespace(host), command, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stderr.setEncoding('utf8').on('data', (text) => (child.errors = ((child.errors ?? '') + text).slice(-2_000)));
    this.#children.push(child);
    return child;
  }

  async close() {
    for (const child of this.#children) await stop(child);
    for (const host of ['client', 'server', 'middlebox']) spawnSync('ip', ['netns', 'delete', this.namespace(host)]);
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

function newKeys() {
  const privateKey = execFileSync('wg', ['genkey']).toString().trim();
  return { privateKey, publicKey: execFileSync('wg', ['pubkey'], { input: privateKey }).toString().trim() };
}

async function stop(child) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** The first line that holds `text`, of either output. */
export function firstLine(child, text = '') {
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (chunk) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop();
        const found = lines.find((line) => line.includes(text));
        if (found !== undefined) resolve(found);
      });
    }
    child.once('exit', (code) =>
      reject(new Error(`${child.spawnargs.join(' ')} ended (${code}): ${child.errors ?? ''}`)),
    );
  });
}
