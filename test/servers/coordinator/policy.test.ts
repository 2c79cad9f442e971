import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { parsePolicy } from '../../../servers/coordinator/policy';
import { PolicyFile } from '../../../servers/policy-file';
import { pass } from '../../support/memory-datagrams';
import { temporaryDirectory } from '../../support/paths';
import { OTHER_ZONE, ServerWorld, ZONE } from '../../support/server-world';
import { SimulatedNode } from '../../support/simulated-node';

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 + n });
const isZone = (name: string): boolean => name === 'ntm.test';

describe('policy', () => {
  const policy = parsePolicy(
    `{
      // who is on duty
      "groups": { "ops": ["alice.*", "*.ops.example"] },
      "rules": [
        { "from": "@ops", "to": "*", "ports": "22/tcp" },
        { "from": "*", "to": ["web.ntm.test", "*.web.ntm.test"], "ports": ["80/tcp", "8000-8100"] },
        { "from": "root.ntm.test", "to": "*", "ports": "*" },
      ],
    }`,
    'policy.json',
  );
  const table: [from: string, to: string, permits: string[]][] = [
    ['alice.ntm.test', 'bob.ntm.test', ['22/tcp']],
    ['Alice.NTM.test.', 'web.ntm.test', ['22/tcp', '80/tcp', '8000-8100']],
    ['alice.mallory.ntm.test', 'bob.ntm.test', []], // a node of mallory's
    ['alice.elsewhere.test', 'bob.ntm.test', []], // no zone of the network
    ['carol.ops.example', 'bob.ntm.test', ['22/tcp']],
    ['carol.ntm.test', 'w.web.ntm.test', ['80/tcp', '8000-8100']],
    ['carol.ntm.test', 'bob.ntm.test', []],
    ['root.ntm.test', 'web.ntm.test', ['*']],
  ];
  for (const [from, to, permits] of table) {
    it(`${from} to ${to} -> ${permits.join(' ') || 'nothing'}`, () => {
      assert.deepEqual(policy.permits(from, to, isZone), permits);
    });
  }

  const wrong: [text: string, said: RegExp][] = [
    ['{\n "rules": [}', /: p\.json:2: is not JSON here/],
    ['[]', /: p\.json:1: must be an object/],
    ['{\n "rulez": []\n}', /: p\.json:1: "rules" is not set/],
    ['{\n "rules": [\n  { "from": "*", "to": "*" }\n ]\n}', /: p\.json:3: "rules.0.ports" is not set/],
    [
      '{\n "rules": [\n  { "from": "*", "to": "*", "ports": "http" }\n ]\n}',
      /: p\.json:3: .*`http` names no ports: write/,
    ],
    [
      '{\n "rules": [\n  { "from": "@ops", "to": "*", "ports": "1" }\n ]\n}',
      /: p\.json:3: .*`@ops`, and "groups" has none/,
    ],
    ['{\n "rules": [\n  { "from": "alice", "to": "*", "ports": "1" }\n ]\n}', /:3: .*an account is `alice\.\*`/],
    ['{\n "groups": {\n  "a": ["10.0.0.1"] }, "rules": []\n}', /:3: .*names an address/],
    [
      JSON.stringify({ rules: [{ from: '*', to: '*', ports: Array.from({ length: 25 }, (_, i) => `${i + 1}`) }] }),
      /more than 24 different ports/,
    ],
  ];
  for (const [text, said] of wrong) {
    it(`${text.replaceAll(/\s+/g, ' ').slice(0, 60)} -> ${said}`, () => {
      assert.throws(() => parsePolicy(text, 'p.json'), said);
    });
  }

  it('a file: broken -> said once, the policy of before stays; mended -> the new one', () => {
    const dir = temporaryDirectory();
    mkdirSync(dir, { recursive: true });
    const path = join(dir, 'policy.json');
    const write = (ports: string): void => writeFileSync(path, `{"rules":[{"from":"*","to":"*","ports":${ports}}]}`);
    const [held, said]: string[][] = [[], []];
    write('"1"');
    const file = new PolicyFile({
      path,
      onPolicy: (each) => held!.push(each.permits('a.b', 'c.d', isZone).join()),
      onWrong: (reason) => said!.push(reason),
    });
    file.reload();
    write('"none"');
    file.reload();
    file.reload();
    assert.match(file.ailment ?? '', /names no ports.*the policy of before holds on/);
    write('"2"');
    file.reload();
    file.close();
    assert.deepEqual([held, said!.length, file.ailment], [['1', '2'], 1, undefined]);
  });
});

const rules = (...list: [from: string, to: string, ports: string][]) =>
  parsePolicy(JSON.stringify({ rules: list.map(([from, to, each]) => ({ from, to, ports: each })) }), 'p');

async function twoNodes(withNotification = false) {
  const world = await ServerWorld.start({ withNotification });
  const [alice, bob] = [new SimulatedNode(world, 'alice', at(1)), new SimulatedNode(world, 'bob', at(2))];
  for (const node of [alice, bob]) await node.join();
  return { world, alice, bob };
}

describe('policy at the DC', () => {
  it('no policy: direction -> nothing is said of ports', async () => {
    const { alice, bob } = await twoNodes();
    assert.equal((await alice.direct(`bob.${ZONE}`)).permits, undefined);
    assert.equal(bob.directions[0]!.permits, undefined);
  });

  it('one direction permitted: each side -> is told what the other may reach at it', async () => {
    const { world, alice, bob } = await twoNodes();
    world.dc.permissions.change(rules(['alice.*', `bob.${ZONE}`, '443/tcp'], ['bob.*', 'alice.*', '53']));
    assert.deepEqual((await alice.direct(`bob.${ZONE}`)).permits, ['53']);
    assert.deepEqual(bob.directions[0]!.permits, ['443/tcp']);
  });

  it('nothing permitted: direction -> not-allowed with the addresses, whether the node is there or not', async () => {
    const { world, alice, bob } = await twoNodes();
    world.dc.permissions.change(rules(['bob.*', 'alice.*', '*']));
    const refused = { refusal: 'not-allowed', addresses: { ipv4: '198.18.0.2', ipv6: 'fd00:1:2:1::2' } };
    await assert.rejects(alice.direct(`bob.${ZONE}`), refused);
    bob.deregister();
    await pass(world.time, 10);
    await assert.rejects(alice.direct(`bob.${ZONE}`), refused);
    await assert.rejects(alice.direct(`nobody.${ZONE}`), { refusal: 'no-such-name' });
    assert.equal(bob.directions.length, 0);
  });

  it('two nodes with a tunnel: the policy changes, and again -> each side is told what is new for it, and no more', async () => {
    const { world, alice, bob } = await twoNodes();
    await alice.direct(`bob.${ZONE}`);
    world.dc.permissions.change(rules(['alice.*', `bob.${ZONE}`, '443/tcp']));
    await pass(world.time, 100);
    assert.deepEqual(bob.policies, [{ fqdn: `alice.${ZONE}`, permits: ['443/tcp'], ended: false }]);
    assert.deepEqual(alice.policies, [{ fqdn: `bob.${ZONE}`, permits: [], ended: false }]);
    world.dc.permissions.change(rules(['alice.*', `bob.${ZONE}`, '443/tcp'], ['carol.*', '*', '1']));
    await pass(world.time, 100);
    world.dc.permissions.change(rules());
    await pass(world.time, 100);
    assert.deepEqual(bob.policies.slice(1), [{ fqdn: `alice.${ZONE}`, permits: [], ended: true }]);
    world.dc.permissions.change(undefined);
    await pass(world.time, 100);
    assert.deepEqual(bob.policies.slice(2), [{ fqdn: `alice.${ZONE}`, ended: false }]);
  });

  it('a node that is away when the policy changes -> told as soon as it is heard again', async () => {
    const { world, alice, bob } = await twoNodes();
    await alice.direct(`bob.${ZONE}`);
    world.network.lose = (_, __, to) => to.port === bob.local.port;
    world.dc.permissions.change(rules(['alice.*', '*', '443/tcp']));
    await pass(world.time, 20_000);
    assert.equal(bob.policies.length, 0);
    world.network.lose = () => false;
    await bob.keepAlive();
    await pass(world.time, 100);
    assert.deepEqual(bob.policies, [{ fqdn: `alice.${ZONE}`, permits: ['443/tcp'], ended: false }]);
  });

  it('two zones: the DC of the receiving node decides, whatever the other one says', async () => {
    const world = await ServerWorld.start();
    const other = await world.startSecondZone();
    const [alice, dora] = [new SimulatedNode(world, 'alice', at(1)), new SimulatedNode(world, 'dora', at(2))];
    for (const node of [alice, dora]) await node.join();
    world.dc.permissions.change(rules(['dora.*', 'alice.*', '22']));
    assert.deepEqual((await alice.direct(`dora.${OTHER_ZONE}`)).permits, ['22']);
    assert.equal(dora.directions[0]!.permits, undefined);
    other.dc.permissions.change(rules([`*.${ZONE}`, `dora.${OTHER_ZONE}`, '80']));
    await alice.direct(`dora.${OTHER_ZONE}`);
    assert.deepEqual(dora.directions[1]!.permits, ['80']);
    other.dc.permissions.change(rules());
    await assert.rejects(alice.direct(`dora.${OTHER_ZONE}`), { refusal: 'not-allowed' });
  });
});
