/**
 * wireguard-go on both hosts, with the kernel's TCP in it. Each flow has a tunnel, so that none tells for another.
 *
 * Left alone, Debian's wireguard-go 0.0.20220316 goes on sending from the interface that is gone until it makes a handshake
 * anew, after 15 s. So it is told of each change of networks, as WireGuard's app for iOS tells it (wgBumpSockets of its
 * wireguard-apple): its socket is opened anew, and a keepalive is sent at once.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { firstLine } from '../../lab.mjs';
import { startEnds } from './programs.mjs';

/** As small as it can be set: a host that only receives tells of a move by it. */
const KEEP_ALIVE_SECONDS = 1;
/** What WireGuard's own apps use on phones, which passes everywhere. */
const MTU = '1280';

export const about = `wireguard-go with the kernel's TCP, told of each move; PersistentKeepalive ${KEEP_ALIVE_SECONDS} s`;
export const impossible = {
  'IPv6-only': 'a peer has one endpoint, here an IPv4 address',
  'both ends': 'each end is at the address that the other one has left: neither can tell',
};

export function missing() {
  return ['wireguard-go', 'wg'].find((command) => spawnSync('which', [command]).status !== 0);
}

export async function start(world, workload, port) {
  await startTunnel(world, port);
  return startEnds(world, workload, { transport: 'tcp', host: addressOf('server', port), port });
}

/** 10.112.PORT.1 is the server's. */
const addressOf = (role, port) => `10.112.${port % 256}.${role === 'server' ? 1 : 2}`;

/** Once for a flow, however often its programs are started. */
async function startTunnel(world, port) {
  if (tunnels.get(world)?.has(port)) return;
  tunnels.set(world, (tunnels.get(world) ?? new Set()).add(port));
  const keys = { server: newKeys(), client: newKeys() };
  for (const [role, other, host] of [
    ['server', 'client', world.correspondent],
    ['client', 'server', world.mobile],
  ]) {
    const device = `wb${process.pid.toString(36)}${port % 256}${role[0]}`;
    const [command, ...args] = host.command('wireguard-go', '--foreground', device);
    const env = { ...process.env, LOG_LEVEL: 'verbose' };
    const daemon = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    world.onClose(() => daemon.kill());
    await firstLine(daemon, 'UAPI listener started');
    const lines = [
      ...['[Interface]', `PrivateKey = ${keys[role].privateKey}`, `ListenPort = ${port}`],
      ...['[Peer]', `PublicKey = ${keys[other].publicKey}`, `AllowedIPs = ${addressOf(other, port)}/32`],
      ...(role === 'client' ? [`Endpoint = ${world.addressesOfCorrespondent[0]}:${port}`] : []),
      ...(role === 'client' ? [`PersistentKeepalive = ${KEEP_ALIVE_SECONDS}`] : []),
    ];
    configure(host, device, lines);
    run(host, 'ip', 'address', 'add', addressOf(role, port), 'peer', addressOf(other, port), 'dev', device);
    run(host, 'ip', 'link', 'set', device, 'mtu', MTU, 'up');
    if (role === 'client') world.onMoved(() => bump(device, port, keys[other].publicKey));
  }
}

/** By wireguard-go's own interface (the cross-platform interface of wireguard.com): one message, one answer. */
function bump(device, port, peerKey) {
  const socket = connect(`/var/run/wireguard/${device}.sock`);
  socket.on('error', () => {}); // it has been stopped
  const settings = [
    ...['set=1', `listen_port=${port}`, `public_key=${Buffer.from(peerKey, 'base64').toString('hex')}`],
    ...['update_only=true', 'persistent_keepalive_interval=0', `persistent_keepalive_interval=${KEEP_ALIVE_SECONDS}`],
  ];
  socket.end(`${settings.join('\n')}\n\n`);
  socket.resume();
}

const tunnels = new WeakMap();

function configure(host, device, lines) {
  const dir = mkdtempSync(join(tmpdir(), 'ntmobile-bench-'));
  try {
    writeFileSync(join(dir, 'wg'), lines.join('\n'), { mode: 0o600 });
    run(host, 'wg', 'setconf', device, join(dir, 'wg'));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function run(host, ...command) {
  const [program, ...args] = host.command(...command);
  execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

function newKeys() {
  const privateKey = execFileSync('wg', ['genkey']).toString().trim();
  return { privateKey, publicKey: execFileSync('wg', ['pubkey'], { input: privateKey }).toString().trim() };
}
