/** Wrong settings and names: a prompt error of Node's shape, with the NTM_* reason as its cause; nothing else suffers. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Network, portsOf, stop, testProgram, type NodeOptions } from '../support/network';
import { Program } from '../support/processes';

interface Seen {
  readonly code?: string;
  readonly syscall?: string;
  readonly hostname?: string;
  readonly address?: string;
  readonly port?: number;
  readonly cause?: string;
  readonly reason?: string;
}

describe('bad input', function () {
  this.timeout(60_000);
  let network: Network;
  let bob: Program;
  let port: string;
  /** A port that is only free is soon somebody else's, who answers. */
  const silent = createSocket('udp4');

  before(async () => {
    silent.bind(0, '127.0.0.1');
    await once(silent, 'listening');
    network = await Network.start(['alice', 'bob', 'carol']);
    bob = network.program('bob', [testProgram('http-server.cjs'), '::']);
    port = String((await portsOf(bob))[0]);
  });
  after(async () => {
    silent.close();
    await stop(bob);
    await network.close();
  });

  async function lookup(account: string, name: string, options: NodeOptions = {}): Promise<Seen> {
    return network.program(account, [testProgram('lookup.cjs'), name], options).json();
  }

  async function connect(account: string, name: string, options: NodeOptions = {}): Promise<Seen> {
    return network.program(account, [testProgram('connect.cjs'), name, port], options).json();
  }

  /** Each of these logs in as a node of its own: none may profit from what another keeps in its state directory. */
  const wrongPassword: NodeOptions = { node: 'wrong-password', password: 'not-the-password' };
  const wrongKey = (): NodeOptions => {
    const as = network.join.as.replace(/key=[\w-]+/, `key=${Buffer.alloc(32, 9).toString('base64url')}`);
    assert.notEqual(as, network.join.as);
    return { node: 'wrong-key', as };
  };
  const silentPort = (): NodeOptions => {
    const as = network.join.as.replace(/:\d+\//, `:${silent.address().port}/`);
    assert.notEqual(as, network.join.as);
    return { node: 'silent-port', as };
  };

  function assertLookupFailed(seen: Seen, code: string, cause: string, hostname = network.fqdn('bob')): void {
    const { reason, ...shape } = seen;
    assert.deepEqual(shape, { code, syscall: 'getaddrinfo', hostname, cause });
    assert.ok(reason, 'the cause says what happened');
    assert.ok(!reason.includes('not-the-password'), 'and no password');
  }

  const loginFailures: [string, string, () => NodeOptions, string, string][] = [
    ['a wrong password', 'alice', () => wrongPassword, 'EAI_FAIL', 'NTM_LOGIN_REFUSED'],
    ['an unknown account', 'nobody', () => ({}), 'EAI_FAIL', 'NTM_LOGIN_REFUSED'],
    ['an AS that does not answer', 'alice', silentPort, 'EAI_AGAIN', 'NTM_AS_UNREACHABLE'],
    ['another key than that of the AS', 'alice', wrongKey, 'EAI_FAIL', 'NTM_AS_KEY'],
  ];
  for (const [state, account, options, code, cause] of loginFailures) {
    it(`${state}: a name is looked up -> ${code}, caused by ${cause}`, async () => {
      assertLookupFailed(await lookup(account, network.fqdn('bob'), options()), code, cause);
    });

    it(`${state}: a name is dialled -> the same error`, async () => {
      assertLookupFailed(await connect(account, network.fqdn('bob'), options()), code, cause);
    });
  }

  it('a wrong password: the host network is dialled -> it is reached all the same', async () => {
    const host = Program.node([testProgram('http-server.cjs'), '127.0.0.1']);
    const [hostPort] = await portsOf(host);
    const args = [testProgram('connect.cjs'), '127.0.0.1', String(hostPort)];
    const seen = await network.program('alice', args, wrongPassword).json<Seen & { remoteAddress: string }>();
    assert.equal(seen.remoteAddress, '127.0.0.1');
    await stop(host);
  });

  it('a wrong password, NTMOBILE_REQUIRED=1: the program starts -> it ends with a message, and not with code 0', async () => {
    const options = { ...wrongPassword, env: { NTMOBILE_REQUIRED: '1' } };
    const program = network.program('alice', [testProgram('connect.cjs'), network.fqdn('bob'), port], options);
    const { code } = await program.ended;
    assert.notEqual(code, 0);
    assert.match(program.errors, /NTM_LOGIN_REFUSED/);
  });

  for (const [level, told] of [
    ['warn', /^ntmobile: not joined: .*\(NTM_LOGIN_REFUSED\)\n$/],
    ['silent', /^$/],
  ] as const) {
    it(`a wrong password, NTMOBILE_LOG=${level}: a name is looked up -> standard error has ${told.source}`, async () => {
      const options = { ...wrongPassword, env: { NTMOBILE_LOG: level } };
      const program = network.program('alice', [testProgram('lookup.cjs'), network.fqdn('bob')], options);
      await program.ended;
      assert.match(program.errors, told);
    });
  }

  it('a malformed NTMOBILE_AS, NTMOBILE_REQUIRED=1: the program starts -> the message names the setting', async () => {
    const options = { node: 'malformed', as: 'http://example.org', env: { NTMOBILE_REQUIRED: '1' } };
    const program = network.program('alice', [testProgram('idle.cjs')], options);
    const { code } = await program.ended;
    assert.notEqual(code, 0);
    assert.match(program.errors, /NTMOBILE_AS/);
  });

  it('an unknown name of the zone: looked up -> ENOTFOUND, caused by NTM_NO_SUCH_NAME', async () => {
    const name = `nobody.${network.join.zone}`;
    assertLookupFailed(await lookup('alice', name), 'ENOTFOUND', 'NTM_NO_SUCH_NAME', name);
  });

  it('an unknown name of the zone: dialled -> ENOTFOUND, caused by NTM_NO_SUCH_NAME', async () => {
    const name = `nobody.${network.join.zone}`;
    assertLookupFailed(await connect('alice', name), 'ENOTFOUND', 'NTM_NO_SUCH_NAME', name);
  });

  it('a known node that is absent: looked up -> it has its addresses', async () => {
    const seen = await lookup('alice', network.fqdn('carol'));
    assert.equal(seen.code, undefined);
  });

  it('a known node that is absent: dialled -> EHOSTUNREACH, caused by NTM_NODE_ABSENT', async () => {
    const { reason, address, ...shape } = await connect('alice', network.fqdn('carol'));
    assert.deepEqual(shape, { code: 'EHOSTUNREACH', syscall: 'connect', port: Number(port), cause: 'NTM_NODE_ABSENT' });
    assert.ok(address, 'the error names the address');
    assert.ok(reason, 'the cause says what happened');
  });

  it('after all of these: the right account dials -> connected', async () => {
    assert.equal((await connect('alice', network.fqdn('bob'))).code, undefined);
  });
});
