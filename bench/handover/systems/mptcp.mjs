/**
 * MPTCP of the kernel, by mptcpize. The mobile host tells the kernel of each network that it joins or leaves, as
 * NetworkManager does (`ip mptcp endpoint`).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { node, startEnds } from './programs.mjs';

export const about = 'mptcpize, and an endpoint for each network of the mobile host';
export const impossible = {
  'IPv6-only': 'tried with the other address announced: nothing comes within 30 s, with and without full mesh',
  'both ends': 'each end tells the other by an address that it still has: no address is left',
};

export function missing() {
  try {
    if (readFileSync('/proc/sys/net/mptcp/enabled', 'utf8').trim() !== '1') return 'net.mptcp.enabled is 0';
  } catch {
    return 'this kernel has no MPTCP';
  }
  return spawnSync('which', ['mptcpize']).status === 0 ? undefined : 'mptcpize (Debian package mptcpize)';
}

export function prepare(world) {
  const { mobile, correspondent } = world;
  for (const host of [mobile, correspondent]) {
    mptcp(host, 'limits', 'set', 'subflows', '8', 'add_addr_accepted', '8');
  }
  world.onJoined((name) => {
    for (const address of mobile.addresses(name)) mptcp(mobile, 'endpoint', 'add', address, 'dev', name, 'subflow');
  });
  world.onLeft((name) => {
    for (const { id, dev } of endpoints(mobile)) if (dev === name) mptcp(mobile, 'endpoint', 'delete', 'id', id);
  });
}

const mptcp = (host, ...args) => run(host, 'ip', 'mptcp', ...args);

function run(host, ...command) {
  const [program, ...args] = host.command(...command);
  return execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
}

function endpoints(host) {
  const text = mptcp(host, 'endpoint', 'show');
  return text.split('\n').flatMap((line) => {
    const found = /id (\d+).* dev (\S+)/.exec(line);
    return found ? [{ id: found[1], dev: found[2] }] : [];
  });
}

export async function start(world, workload, port) {
  const settings = { transport: 'tcp', host: world.addressesOfCorrespondent[0], port };
  return startEnds(world, workload, settings, { runner: ['mptcpize', 'run', ...node] });
}
