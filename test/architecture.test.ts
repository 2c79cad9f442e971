/** The dependency direction of STYLE and ARCHITECTURE, and the rules that any file can be checked against by itself. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { architectureRules, violations } from './support/architecture';
import { projectRoot, temporaryDirectory } from './support/paths';

describe('architecture', function () {
  this.timeout(60_000);

  describe('dependency direction', () => {
    it('sources: every import is looked at -> none is forbidden', async () => {
      const found = await violations(projectRoot);
      const whys = new Map(architectureRules.map(({ name, why }) => [name, why]));
      assert.deepEqual(
        found.map(({ rule, from, to }) => `${from} -> ${to} (${rule}: ${whys.get(rule) ?? ''})`),
        [],
      );
    });

    it('a tree that breaks every rule: every import is looked at -> each rule catches its own example', async () => {
      const tree = temporaryDirectory();
      try {
        plantExamples(tree);
        // A circle is reported from either of its ends.
        const circular = new Set(architectureRules.filter(({ to }) => 'circular' in to).map(({ name }) => name));
        const edge = (rule: string, from: string, to: string): string =>
          `${rule}: ${(circular.has(rule) ? [from, to].sort() : [from, to]).join(' -> ')}`;
        const caught = (await violations(tree)).map(({ rule, from, to }) => edge(rule, from, to));
        const planted = architectureRules.map(({ name, example: [from, to] }) =>
          edge(name, from, to.replace('node:', '')),
        );
        assert.deepEqual(new Set(caught), new Set(planted));
      } finally {
        rmSync(tree, { recursive: true });
      }
    });
  });

  describe('files', () => {
    it('sources: lines are counted -> none has more than 400', () => {
      const long = projectFiles(/\.(ts|mjs|cjs|js|c|h)$/).filter((file) => textOf(file).split('\n').length > 401);
      assert.deepEqual(long, []);
    });

    it('every file: searched for machine-specific paths -> none', () => {
      assert.deepEqual(
        projectFiles().filter((file) => namesThisMachine(textOf(file))),
        [],
      );
    });

    it('lockfile: searched for registry hosts -> none', () => {
      const lockfile = textOf('package-lock.json');
      assert.equal(/"resolved": "https?:/.test(lockfile), false);
    });

    it('text with a path of a machine: searched -> found', () => {
      assert.equal(namesThisMachine(`see ${['', 'home', 'ann', 'ntmobile'].join('/')}`), true);
      assert.equal(namesThisMachine('see /etc/apt and the /home page'), false);
    });
  });
});

/** Directories that exist on the machine of whoever wrote it, and a registry other than the public one. */
function namesThisMachine(text: string): boolean {
  const path = new RegExp(`(^|[\\s'"\`(=:])/(${['work', 'home', 'Users', 'root'].join('|')})/[\\w.-]+`, 'm');
  const registry = /\bregistry\s*=\s*https?:|https?:\/\/[^\s'"]*\b(artifactory|nexus|verdaccio)\b/i;
  return path.test(text) || registry.test(text);
}

/** What git tracks or would track. */
function projectFiles(pattern = /./): string[] {
  const { stdout, status } = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
  assert.equal(status, 0, 'git lists the files');
  const files = stdout.split('\0').filter((file) => file !== '' && pattern.test(file));
  assert.ok(files.length > 0, 'there are files to look at');
  return files.filter((file) => existsSync(join(projectRoot, file)) && !file.endsWith('node_modules'));
}

function textOf(file: string): string {
  return readFileSync(join(projectRoot, file), 'latin1');
}

function plantExamples(tree: string): void {
  const contents = new Map<string, string>();
  const add = (file: string, line: string): void => {
    contents.set(file, `${contents.get(file) ?? ''}${line}\n`);
  };
  for (const dir of ['core', 'shim', 'servers', 'cli']) add(`${dir}/plain.ts`, 'export const x = 1;');
  for (const { name, example, typeOnly, to: target } of architectureRules) {
    const [from, to] = example;
    const clause = typeOnly ? 'type * as other from ' : '';
    add(from, `import ${clause}'${specifier(from, to)}';`);
    if (to.endsWith('.ts')) add(to, `export const ${name.replace(/-/g, '_')} = 1;`);
    if (target && 'circular' in target) add(to, `import ${clause}'${specifier(to, from)}';`);
  }
  for (const [file, text] of contents) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    writeFileSync(join(tree, file), text);
  }
}

function specifier(from: string, to: string): string {
  if (!to.endsWith('.ts')) return to;
  const path = relative(dirname(from), to).replace(/\.ts$/, '');
  return path.startsWith('.') ? path : `./${path}`;
}
