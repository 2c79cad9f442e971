/**
 * Node in the versions that ntmobile supports, besides the one that runs, for test/versions: the newest release of each,
 * from the npm packages that hold its program. They have no dependencies, and no script of theirs is run.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { projectRoot } from './report.mjs';

const MAJORS = [20, 22, 24, 26];
const PLATFORMS = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];
const dir = resolve(projectRoot, 'build/nodes');

export async function installOtherNodes(log) {
  const platform = `${process.platform}-${process.arch}`;
  if (!PLATFORMS.includes(platform)) {
    log.step(`setup: no npm package has Node for ${platform}: its other versions are not tested`);
    return;
  }
  const own = Number(process.versions.node.split('.')[0]);
  const missing = MAJORS.filter((major) => major !== own && !existsSync(programOf(platform, major)));
  if (missing.length === 0) return;
  log.step(`setup: Node ${missing.join(', ')} for the tests`);
  for (const major of missing) {
    const prefix = resolve(dir, String(major));
    mkdirSync(prefix, { recursive: true });
    writeFileSync(resolve(prefix, 'package.json'), '{ "private": true }\n');
    const options = ['--prefix', prefix, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=warn'];
    await log.run('npm', ['install', ...options, `node-${platform}@${major}`], {
      env: { npm_config_update_notifier: 'false' },
      hint: 'npm needs a reachable package registry: npm config get registry',
    });
  }
}

const programOf = (platform, major) => resolve(dir, String(major), 'node_modules', `node-${platform}`, 'bin/node');
