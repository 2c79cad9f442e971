/** The UDP ports that a process has open, from Linux's /proc: what an attacker could find by scanning. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

export interface OpenPort {
  readonly family: 4 | 6;
  readonly port: number;
}

export function udpPortsOf(pid: number): OpenPort[] {
  const own = socketsOf(pid);
  const ports = ([4, 6] as const).flatMap((family) =>
    table(pid, family).flatMap(({ inode, port }) => (own.has(inode) ? [{ family, port }] : [])),
  );
  assert.ok(ports.length > 0, `process ${pid} has a UDP port`);
  return ports;
}

function socketsOf(pid: number): Set<string> {
  const dir = `/proc/${pid}/fd`;
  const targets = readdirSync(dir).flatMap((fd) => {
    try {
      return [readlinkSync(`${dir}/${fd}`)];
    } catch {
      return []; // closed meanwhile
    }
  });
  return new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.slice(1) ?? []));
}

/** Columns of /proc/net/udp: `local_address` is the second, hex `address:port`; `inode` the tenth. */
function table(pid: number, family: 4 | 6): { inode: string; port: number }[] {
  const text = readFileSync(`/proc/${pid}/net/${family === 4 ? 'udp' : 'udp6'}`, 'utf8');
  return text
    .trim()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .map((columns) => ({ inode: columns[9] ?? '', port: parseInt(columns[1]?.split(':')[1] ?? '', 16) }));
}
