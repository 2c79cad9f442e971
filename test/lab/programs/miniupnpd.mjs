// Debian's miniupnpd on the gateway that this runs on, between its interfaces `inside` and `outside`, until SIGTERM.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findServer, serverLibraries } from '../../../scripts/setup/test-servers.mjs';

const settings = `ext_ifname=outside
listening_ip=inside
upnp_table_name=upnp
upnp_nat_table_name=upnp
upnp_forward_chain=mapped
upnp_nat_chain=mapped_in
upnp_nat_postrouting_chain=mapped_out
enable_natpmp=yes
enable_upnp=yes
secure_mode=yes
uuid=fc4ec57e-b051-11db-88f8-0060085db3f7
allow 1024-65535 192.168.0.0/16 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
`;
const dir = mkdtempSync(join(tmpdir(), 'ntmobile-miniupnpd-'));
writeFileSync(join(dir, 'settings'), settings);
const daemon = spawn(findServer('miniupnpd'), ['-d', '-f', join(dir, 'settings'), '-P', join(dir, 'pid')], {
  env: { LD_LIBRARY_PATH: serverLibraries(), LC_ALL: 'C' },
  stdio: ['ignore', 'inherit', 'inherit'],
});
process.on('SIGTERM', () => daemon.kill());
daemon.on('exit', (code) => {
  rmSync(dir, { recursive: true, force: true });
  process.exit(code ?? 0);
});
