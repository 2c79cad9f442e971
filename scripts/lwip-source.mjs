/**
 * Gets lwIP's source package from Debian: upstream's release with Debian's security patches applied.
 * apt runs on a source list and a state of its own in the build directory; the system's are only read.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** The release that has the lwIP we are written for; updates to it bring its security patches. */
const suite = 'trixie';
export const lwipVersion = '2.2.1';
const defaultMirror = 'http://deb.debian.org/debian';
const defaultKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** @returns the directory of the unpacked source */
export async function fetchLwip({ into, log, byHand }) {
  const work = join(into, 'debian');
  const unpacked = () => existsSync(work) && readdirSync(work).find((name) => name.startsWith(`lwip-${lwipVersion}`));
  const before = unpacked();
  if (before) return join(work, before);

  for (const tool of ['apt-get', 'dpkg-source']) requireTool(tool, byHand);
  const { mirror, keyring } = debianMirror();
  if (!existsSync(keyring)) {
    throw new Error(`${keyring} is missing: install the package debian-archive-keyring. ${byHand}`);
  }
  for (const dir of ['state/lists/partial', 'cache/archives/partial']) mkdirSync(join(work, dir), { recursive: true });
  writeFileSync(join(work, 'sources.list'), `deb-src [signed-by=${keyring}] ${mirror} ${suite} main\n`);
  const options = [
    `Dir::State=${join(work, 'state')}`,
    `Dir::Cache=${join(work, 'cache')}`,
    `Dir::Etc::sourcelist=${join(work, 'sources.list')}`,
    'Dir::Etc::sourceparts=/dev/null',
    'Acquire::Retries=3',
    // The work directory need not be readable for apt's unprivileged user.
    ...(process.getuid?.() === 0 ? ['APT::Sandbox::User=root'] : []),
  ].flatMap((option) => ['-o', option]);
  const apt = (...words) => execFileSync('apt-get', [...options, '-qq', ...words], { cwd: work, stdio: 'pipe' });

  log(`getting lwIP ${lwipVersion} (Debian ${suite}) from ${mirror}`);
  try {
    apt('update');
    apt('source', 'lwip');
  } catch (error) {
    throw new Error(`apt-get could not get lwIP's source: ${String(error.stderr ?? error.message).trim()}. ${byHand}`);
  }
  const after = unpacked();
  if (!after) throw new Error(`Debian ${suite} has another lwIP than ${lwipVersion}. ${byHand}`);
  return join(work, after);
}

function requireTool(tool, byHand) {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' });
  } catch {
    throw new Error(`cannot get lwIP's source: ${tool} is missing. ${byHand}`);
  }
}

/** The mirror that this machine uses for Debian, if it uses one. */
function debianMirror() {
  for (const { uri, keyring } of configuredSources()) {
    if (/^https?:\/\/\S*\/debian\/?$/.test(uri)) {
      return { mirror: uri.replace(/\/$/, ''), keyring: keyring ?? defaultKeyring };
    }
  }
  return { mirror: defaultMirror, keyring: defaultKeyring };
}

function* configuredSources() {
  for (const path of sourceFiles()) {
    const text = readFileSync(path, 'utf8');
    if (path.endsWith('.sources')) yield* deb822Sources(text);
    else yield* oneLineSources(text);
  }
}

function sourceFiles() {
  const parts = '/etc/apt/sources.list.d';
  const inParts = existsSync(parts)
    ? readdirSync(parts)
        .sort()
        .map((name) => join(parts, name))
    : [];
  return ['/etc/apt/sources.list', ...inParts].filter((path) => /\.(list|sources)$/.test(path) && existsSync(path));
}

/** Stanzas of `Field: value`, sources.list(5); a value continues on lines that begin with a space. */
function* deb822Sources(text) {
  for (const stanza of text.replace(/^#.*\n/gm, '').split(/\n\s*\n/)) {
    const field = (name) => new RegExp(`^${name}:\\s*(.*(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1]?.trim();
    const signedBy = field('Signed-By');
    const keyring = signedBy?.startsWith('/') ? signedBy : undefined;
    for (const uri of (field('URIs') ?? '').split(/\s+/)) yield { uri, keyring };
  }
}

/** `deb [option=value ...] uri suite component ...` */
function* oneLineSources(text) {
  for (const [, options = '', uri] of text.matchAll(/^deb(?:-src)?\s+(?:\[([^\]]*)\]\s+)?(\S+)/gm)) {
    yield { uri, keyring: /signed-by=(\/\S+)/.exec(options)?.[1] };
  }
}
