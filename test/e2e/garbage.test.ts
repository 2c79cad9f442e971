/** Garbage at every UDP port of the servers and of both nodes, while they talk. */
import assert from 'node:assert/strict';
import { throwGarbage } from '../support/garbage';
import { Network, portsOf, stop, testProgram, type ServerName } from '../support/network';
import { udpPortsOf, type OpenPort } from '../support/udp-ports';

const seed = process.env['NTMOBILE_TEST_SEED'] ?? String(process.pid);

describe(`garbage by UDP (NTMOBILE_TEST_SEED=${seed})`, function () {
  this.timeout(90_000);
  let network: Network;

  before(async () => {
    network = await Network.start();
  });
  after(() => network.close());

  it('two programs that talk: garbage at every port -> they go on talking, and others can still join', async () => {
    const bob = network.program('bob', [testProgram('http-server.cjs'), '::']);
    const [port] = await portsOf(bob);
    const url = `http://${network.fqdn('bob')}:${port}/`;
    const alice = network.program('alice', [testProgram('hello-forever.cjs'), url]);
    await alice.line((line) => line === 'answer 5');

    const targets = [...statedPorts(network), ...[network.up, bob, alice].flatMap(({ pid }) => udpPortsOf(pid))];
    const unique = [...new Map(targets.map((target) => [`${target.family} ${target.port}`, target])).values()];
    const sent = await throwGarbage(unique, seed);
    assert.ok(sent > 1000, `${sent} datagrams were sent`);

    const answers = alice.lines.length;
    await alice.line((line) => line === `answer ${answers + 20}`);
    await stop(alice);
    const late = network.program('alice', [testProgram('get-cjs.cjs'), url], { node: 'late' });
    assert.match(await late.finish(), /"from"/);
    await stop(bob);
  });

  it('servers: ports are compared -> each port that up names for UDP is open', () => {
    const open = new Set(udpPortsOf(network.up.pid).map(({ port }) => port));
    assert.deepEqual(
      statedPorts(network).filter(({ port }) => !open.has(port)),
      [],
    );
  });
});

/** The ports in the line of `up --json`; all parts speak UDP. */
function statedPorts(network: Network): OpenPort[] {
  const names: ServerName[] = ['as', 'dc', 'dns', 'ns', 'rs', 'cs'];
  return names.map((name) => {
    const { address, port } = network.server(name);
    return { family: address.includes(':') ? 6 : 4, port };
  });
}
