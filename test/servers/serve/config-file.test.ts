/** Settings of servers: what is wrong is said with file, line and cure. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { readSettings } from '../../../servers/serve/config-file';
import type { Kind } from '../../../servers/serve/settings';
import { temporaryDirectory } from '../../support/command';

const KEY = Buffer.alloc(32, 7).toString('base64url');
const URL = `ntmobile://192.0.2.1:4500/?key=${KEY}`;
const coordinator = `{"zone": "z.example", "endpoint": "192.0.2.1:4500", "key": "${KEY}"}`;

/** What makes a right file of each kind, as lines; each case replaces one or adds one. */
const right: Readonly<Record<Kind, readonly string[]>> = {
  as: ['"dir": "d"', '"listen": "192.0.2.1:1"', '"zone": "z"', `"coordinators": [{"zone": "z", "key": "${KEY}"}]`],
  dc: ['"dir": "d"', '"listen": "192.0.2.1:1"', '"zone": "z"', `"accountServer": "${URL}"`],
  ns: ['"dir": "d"', '"listen": "192.0.2.1:1"', '"name": "ns1"', `"coordinator": ${coordinator}`],
  rs: ['"dir": "d"', '"listen": "192.0.2.1:1"', '"name": "rs1"', `"coordinator": ${coordinator}`],
  cs: ['"dir": "d"', '"listen": "192.0.2.1:1"', '"name": "cs1"', `"coordinator": ${coordinator}`],
};
const kinds = Object.keys(right) as Kind[];

/** Kind, a line that takes the place of the line of the same setting or is added, and what is said of it. */
const wrong: readonly (readonly [Kind, string, string])[] = [
  ['as', '"dir": 5', '"dir" must be text'],
  ['as', '"dir": ""', '"dir" must not be empty'],
  ['as', '"listen": "example.org:4500"', '"listen" must be an IP address and a port, e.g. "192.0.2.1:4500"'],
  ['as', '"listen": "192.0.2.1"', '"listen" must be an IP address and a port'],
  ['as', '"listen": "192.0.2.1:65536"', '"listen" must be an IP address and a port'],
  ['as', '"listen": "fd00::1:4500"', '"listen" must be an IP address and a port'],
  ['as', '"listen": "0.0.0.0:4500"', '"listen" is every address of this host, and others must be told one'],
  ['as', '"listen": "[::]:4500"', '"listen" is every address of this host'],
  ['as', '"advertise": "0.0.0.0:4500"', '"advertise" must be one address that others can send to'],
  ['as', '"advertise": "192.0.2.1:0"', '"advertise" must name the port that others send to'],
  ['as', '"zone": "a b"', '"zone" is not a domain name; a zone looks like ntm.example.org'],
  ['as', '"coordinators": []', '"coordinators" must name at least one coordinator'],
  ['as', '"coordinators": {}', '"coordinators" must be a list: [ ... ]'],
  ['as', '"coordinators": [5]', '"coordinators.0" must be an object: { ... }'],
  [
    'as',
    `"coordinators": [{"zone": "z", "key": "${KEY.slice(1)}"}]`,
    '"coordinators.0.key" must be a public key of 43',
  ],
  [
    'as',
    `"coordinators": [{"zone": "z", "key": "${KEY}"}, {"zone": "Z.", "key": "${KEY}"}]`,
    '"coordinators" has a zone twice',
  ],
  [
    'as',
    `"coordinators": [{"zone": "z", "key": "${KEY}"}, {"zone": "a.z", "key": "${KEY}"}]`,
    '"coordinators" has a zone within another',
  ],
  ['as', '"coordinators": [{"zone": "z"}]', '"coordinators.0.key" is not set'],
  ['as', '"coordinator": []', '"coordinator" is no setting; did you mean "coordinators"?'],
  ['as', '"metrics": 9100', '"metrics" must be text'],
  ['as', '"log": "verbose"', '"log" must be one of trace, debug, info, warn, error, fatal, silent'],
  ['as', '"quite-another-thing": 1', '"quite-another-thing" is no setting; there are dir, metrics, trace, log, listen'],
  ['dc', '"accountServer": "192.0.2.1:4500"', '"accountServer" must be the URL that "serve as" prints'],
  [
    'dc',
    `"accountServer": "ntmobile://as.example:1/?key=${KEY}"`,
    '"accountServer" must name an IP address, not a host',
  ],
  ['dc', '"dns": "53"', '"dns" must be an IP address and a port'],
  ['dc', `"servers": [{"kind": "as", "name": "a", "key": "${KEY}"}]`, '"servers.0.kind" must be ns, rs or cs'],
  ['dc', `"servers": [{"kind": "ns", "name": "n.s", "key": "${KEY}"}]`, '"servers.0.name" must be a DNS label'],
  [
    'dc',
    `"servers": [{"kind": "ns", "name": "a", "kei": "${KEY}"}]`,
    '"servers.0.kei" is no setting; did you mean "key"?',
  ],
  ['dc', '"resolver": "192.0.2.53"', '"resolver" must be a list of name servers'],
  ['dc', '"Zone": "z"', '"Zone" is no setting; did you mean "zone"?'],
  ['ns', '"name": "-"', '"name" must be a DNS label'],
  ['ns', '"coordinator": "192.0.2.1:1"', '"coordinator" must be an object: { ... }'],
  ['ns', `"coordinator": {"zone": "z", "key": "${KEY}"}`, '"coordinator.endpoint" is not set'],
  [
    'ns',
    `"coordinator": {"zone": "z", "endpoint": "0.0.0.0:1", "key": "${KEY}"}`,
    '"coordinator.endpoint" must be one address that others can send to',
  ],
  ['rs', '"listen": []', '"listen" must name one address, or one of each IP version'],
  ['rs', '"listen": ["192.0.2.1:1", "192.0.2.2:1"]', '"listen" names two addresses of one IP version'],
  ['rs', '"listen": ["192.0.2.1:1", "[::]:1"]', '"listen" is every address of this host'],
  ['rs', '"limits": {"paths": 0}', '"limits.paths" must be 1 or more'],
  ['rs', '"limits": {"paths": 1.5}', '"limits.paths" must be whole'],
  ['rs', '"limits": {"path": 1}', '"limits.path" is no setting; did you mean "paths"?'],
  ['rs', '"drainSeconds": 601', '"drainSeconds" must be 600 at most'],
  ['rs', '"drainSeconds": "30"', '"drainSeconds" must be a number'],
  ['cs', '"__proto__": {}', '"__proto__" is no setting'],
  ['cs', '"trace": null', '"trace" must be text'],
];

/** Whole files that are no JSON, with the line and what is said. */
const notJson: readonly (readonly [string, number, string])[] = [
  ['', 1, ''],
  ['[]', 1, 'must be an object: { ... }'],
  ['{\n"dir": "a"\n"zone": "b"}', 3, 'is not JSON here: a comma is missing'],
  ['{\n"dir": a}', 2, 'is not JSON here: text must be in double quotes'],
  ['{\n"dir" "a"}', 2, 'is not JSON here: a colon is missing after the name of a setting'],
  ['{\n"dir": "a"\n', 3, 'is not JSON here: a } is missing'],
  ['{\n"dir": "a\n}', 2, 'is not JSON here: a double quote is missing'],
  ['{\n\n"dir": }', 3, 'is not JSON here: a value is missing'],
  ['{} {}', 1, 'is not JSON here: something follows the last }'],
  ['{\n/* "dir": "a" }', 2, 'is not JSON here: a comment does not end'],
  ["{\n'dir': 1}", 2, 'is not JSON here: '],
];

describe('settings of a server', () => {
  let directory: ReturnType<typeof temporaryDirectory>;
  beforeEach(() => (directory = temporaryDirectory()));
  afterEach(() => directory.remove());

  const file = (text: string): string => {
    const path = join(directory.path, 'server.json');
    writeFileSync(path, text);
    return path;
  };
  const told = (kind: Kind, text: string): string => {
    try {
      readSettings(kind, file(text));
    } catch (error) {
      assert.equal((error as { code?: string }).code, 'NTM_CONFIG');
      return (error as Error).message;
    }
    assert.fail(`taken for right: ${text}`);
  };

  for (const kind of kinds) {
    it(`${kind}: a right file with comments, a BOM and Windows line ends -> read, files beside it`, () => {
      const text = `\uFEFF{ // ${kind}\r\n${right[kind].join(',\r\n')},\r\n/* all */ "trace": "t" }`;
      const { dir, trace } = readSettings(kind, file(text));
      assert.deepEqual([dir, trace], [join(directory.path, 'd'), join(directory.path, 't')]);
    });

    it(`${kind}: each setting left out -> "is not set"`, () => {
      for (const line of right[kind]) {
        const name = line.split(':')[0]!;
        const rest = right[kind].filter((other) => other !== line);
        assert.equal(told(kind, `{${rest.join(',')}}`), `${directory.path}/server.json:1: ${name} is not set`);
      }
    });
  }

  for (const [kind, line, expected] of wrong) {
    it(`${kind}: ${line} -> ${expected}`, () => {
      const name = line.split(':')[0]!;
      const others = right[kind].filter((other) => other.split(':')[0] !== name);
      const message = told(kind, `{\n  // comment\n  ${[...others, line].join(',\n  ')}\n}`);
      const where = `${directory.path}/server.json:${others.length + 3}: `;
      const lines = message.split('\n');
      assert.ok(
        lines.some((each) => each.startsWith(where + expected)),
        message,
      );
    });
  }

  for (const [text, line, expected] of notJson) {
    it(`${JSON.stringify(text)} -> line ${line}: ${expected}`, () => {
      const message = told('rs', text);
      assert.ok(message.startsWith(`${directory.path}/server.json:${line}: ${expected}`), message);
    });
  }

  it('several mistakes -> all are told, in the order of their lines; one that stands there twice, too', () => {
    const text =
      '{\n"zone": "a b",\n"listen": 5,\n"dir": "d",\n"dir": "e",\n"servers": [{"kind": "ns", "kind": "rs"}]}';
    const lines = told('dc', text).split('\n');
    assert.deepEqual(
      lines.map((line) => line.replace(/^.*server\.json/, '')),
      [
        ':1: "accountServer" is not set',
        ':2: "zone" is not a domain name; a zone looks like ntm.example.org',
        ':3: "listen" must be "ADDRESS:PORT", or a list of one for IPv4 and one for IPv6',
        ':5: "dir" stands here a second time',
        ':6: "servers.0.kind" stands here a second time',
        ':6: "servers.0.name" is not set',
        ':6: "servers.0.key" is not set',
      ],
    );
  });

  it('no such file, a directory -> said', () => {
    assert.throws(() => readSettings('as', join(directory.path, 'none')), /cannot read .*none: ENOENT/);
    assert.throws(() => readSettings('as', directory.path), /cannot read .*EISDIR/);
  });
});
