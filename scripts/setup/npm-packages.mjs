/** npm packages: `npm ci`, only when what is installed is not what the lockfile says. */
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { projectRoot } from './report.mjs';

const modulesDir = resolve(projectRoot, 'node_modules');

export async function installNpmPackages(log) {
  const reason = whyStale();
  if (!reason) return;
  log.step(`setup: npm packages from package-lock.json (${reason})`);
  await log.run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=warn'], {
    env: { npm_config_update_notifier: 'false', NODE_ENV: '' },
    hint: 'npm needs a reachable package registry: npm config get registry',
  });
}

/** npm leaves a copy of the lockfile it installed from; it is written last, so a broken install has none. */
function whyStale() {
  if (!existsSync(modulesDir)) return 'node_modules is missing';
  // A link to another tree's packages is its owner's to keep up to date: `npm ci` would empty that tree.
  if (lstatSync(modulesDir).isSymbolicLink()) return undefined;
  const installedPath = resolve(modulesDir, '.package-lock.json');
  if (!existsSync(installedPath)) return 'node_modules is incomplete';
  const wanted = packagesOf(resolve(projectRoot, 'package-lock.json'));
  const installed = packagesOf(installedPath);
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    if (path === '' || optional) continue; // optional ones depend on the platform
    if (installed[path]?.version !== version) return `${path} is not at ${version}`;
  }
  return undefined;
}

function packagesOf(lockfile) {
  return JSON.parse(readFileSync(lockfile, 'utf8')).packages;
}
