/**
 * Debian's source packages, by apt with a source list and a state of its own in the build directory; the system's are
 * only read. Plain Node, so that it runs before anything is installed.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const defaultMirror = 'http://deb.debian.org/debian';
const defaultKeyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** apt for the sources of one suite, its files in `work`. Throws with the reason; every word goes to apt-get. */
export function debianSources({ work, suite, tools = [] }) {
  for (const tool of ['apt-get', ...tools]) requireTool(tool);
  const { mirror, keyring } = debianMirror();
  if (!existsSync(keyring)) throw new Error(`${keyring} is missing: install the package debian-archive-keyring`);
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
  const apt = (...words) => {
    try {
      return execFileSync('apt-get', [...options, '-qq', ...words], { cwd: work, stdio: 'pipe', encoding: 'utf8' });
    } catch (error) {
      throw new Error(`apt-get ${words[0]} failed: ${String(error.stderr ?? error.message).trim()}`, { cause: error });
    }
  };
  return { mirror, apt };
}

function requireTool(tool) {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore' });
  } catch {
    throw new Error(`${tool} is missing`);
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
