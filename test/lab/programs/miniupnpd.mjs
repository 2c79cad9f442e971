// miniupnpd.mjs SETTINGS (test/support/miniupnpd.ts): Debian's miniupnpd on the gateway that this runs on, until SIGTERM.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findServer, serverLibraries } from '../../../scripts/setup/test-servers.mjs';

const [settings] = process.argv.slice(2);
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
