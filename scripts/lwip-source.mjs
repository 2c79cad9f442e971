/** Gets lwIP's source package from Debian: upstream's release with Debian's security patches applied. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { debianSources } from './debian-source.mjs';

/** The release that has the lwIP we are written for; updates to it bring its security patches. */
const suite = 'trixie';
export const lwipVersion = '2.2.1';

/** @returns the directory of the unpacked source */
export async function fetchLwip({ into, log, byHand }) {
  const work = join(into, 'debian');
  const unpacked = () => existsSync(work) && readdirSync(work).find((name) => name.startsWith(`lwip-${lwipVersion}`));
  const before = unpacked();
  if (before) return join(work, before);
  try {
    const { mirror, apt } = debianSources({ work, suite, tools: ['dpkg-source'] });
    log(`getting lwIP ${lwipVersion} (Debian ${suite}) from ${mirror}`);
    apt('update');
    apt('source', 'lwip');
  } catch (error) {
    throw new Error(`cannot get lwIP's source: ${error.message}. ${byHand}`, { cause: error });
  }
  const after = unpacked();
  if (!after) throw new Error(`Debian ${suite} has another lwIP than ${lwipVersion}. ${byHand}`);
  return join(work, after);
}
