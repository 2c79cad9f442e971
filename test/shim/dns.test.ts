import assert from 'node:assert';
import { describePrograms, run } from '../support/run-program';

const V4 = { address: '198.18.0.2', family: 4 };
const V6 = { address: 'fd00:6e74::2', family: 6 };

describePrograms('names', () => {
  it('dns.lookup and dns.promises.lookup: every form -> as Node answers it', async () => {
    const said = await run(async () => {
      const dns = require('node:dns');
      const name = 'b.test.ntm';
      for (const options of [
        undefined,
        4,
        6,
        0,
        {},
        { family: 'IPv6' },
        { all: true },
        { all: true, family: 4 },
        { all: true, order: 'ipv6first' },
      ]) {
        const answer = await new Promise((done) => {
          const callback = (error: any, ...rest: unknown[]): void => done(error ? error.message : rest);
          if (options === undefined) dns.lookup(name, callback);
          else dns.lookup(name, options, callback);
        });
        say(answer);
      }
      say(
        await dns.promises.lookup(name),
        await dns.promises.lookup(name, { all: true }),
        await dns.promises.lookup(name, 6),
      );
      say(await require('node:util').promisify(dns.lookup)(name));
    });
    const pair = (each: { address: string; family: number }): unknown[] => [each.address, each.family];
    assert.deepStrictEqual(said, [
      pair(V4),
      pair(V4),
      pair(V6),
      pair(V4),
      pair(V4),
      pair(V6),
      [[V4, V6]],
      [[V4]],
      [[V6, V4]],
      [V4, [V4, V6], V6],
      V4,
    ]);
  });

  it('wrong arguments -> the errors that Node throws for any name', async () => {
    const program = (): void => {
      const dns = require('node:dns');
      const name = process.env['NAME'];
      const attempts = [
        () => dns.lookup(name),
        () => dns.lookup(name, {}),
        () => dns.lookup(name, { family: 5 }, () => {}),
        () => dns.lookup(name, { all: 'yes' }, () => {}),
        () => dns.lookup(name, 'x', () => {}),
        () => dns.promises.lookup(name, { family: 5 }),
        () => dns.promises.lookup(name, 7),
      ];
      for (const attempt of attempts) {
        try {
          attempt();
          say('no error');
        } catch (error: any) {
          say(error.code, error.message);
        }
      }
    };
    const plain = await run(program, { env: { NAME: 'localhost' }, plain: true });
    assert.deepStrictEqual(await run(program, { env: { NAME: 'b.test.ntm' } }), plain);
    assert.ok(!plain.includes('no error'));
  });

  it("resolve, resolve4, resolve6 and both Resolvers -> the node's addresses", async () => {
    const said = await run(async () => {
      const dns = require('node:dns');
      const name = 'b.test.ntm';
      const call = (object: any, method: string, ...args: unknown[]): Promise<unknown> =>
        new Promise((done) =>
          object[method](...args, (error: any, answer: unknown) => done(error ? [error.message, error.code] : answer)),
        );
      for (const object of [dns, new dns.Resolver()]) {
        say(await call(object, 'resolve', name), await call(object, 'resolve', name, 'AAAA'));
        say(await call(object, 'resolve4', name, { ttl: true }), await call(object, 'resolve6', name));
      }
      for (const object of [dns.promises, new dns.promises.Resolver()]) {
        say(
          await object.resolve(name),
          await object.resolve(name, 'AAAA'),
          await object.resolve4(name),
          await object.resolve6(name, { ttl: true }),
        );
      }
      const { resolve } = dns;
      say(await new Promise((done) => resolve(name, (_error: unknown, answer: unknown) => done(answer))));
      say(await call(dns, 'resolve4', 'nobody.test.ntm'));
    });
    const callbackForms = [
      [[V4.address], [V6.address]],
      [[{ address: V4.address, ttl: 60 }], [V6.address]],
    ];
    const promiseForms = [[V4.address], [V6.address], [V4.address], [{ address: V6.address, ttl: 60 }]];
    assert.deepStrictEqual(said, [
      ...callbackForms,
      ...callbackForms,
      promiseForms,
      promiseForms,
      [V4.address],
      ['queryA ENOTFOUND nobody.test.ntm', 'ENOTFOUND'],
    ]);
  });

  it("undecided name: lookup waits -> the network's, or the host's answer", async () => {
    const said = await run(async () => {
      const { promises } = require('node:dns');
      say(await promises.lookup('late.example'));
      say(network.calls);
    });
    assert.deepStrictEqual(said, [V4, 1]);
    const host = await run(async () => {
      const started = Date.now();
      await require('node:dns')
        .promises.lookup('host.late.example')
        .catch((error: any) => say(error.syscall, network.calls, Date.now() - started >= 95));
    });
    assert.deepStrictEqual(host, [['getaddrinfo', 0, true]]);
  });

  it('the network cannot be asked: lookup -> the getaddrinfo code for the reason, with the cause', async () => {
    const said = await run(async () => {
      for (const code of [
        'NTM_NO_SUCH_NAME',
        'NTM_AS_UNREACHABLE',
        'NTM_DC_UNREACHABLE',
        'NTM_LOGIN_LIMITED',
        'NTM_LOGIN_REFUSED',
        'NTM_CONFIG',
      ] as const) {
        network.lookupFailure = new NtmError(code, 'why');
        await require('node:dns')
          .promises.lookup('b.test.ntm')
          .catch((error: any) => say(error.message, error.errno, error.cause.code));
      }
    });
    const line = (code: string, errno: number, cause: string): unknown[] => [
      `getaddrinfo ${code} b.test.ntm`,
      errno,
      cause,
    ];
    assert.deepStrictEqual(said, [
      line('ENOTFOUND', -3008, 'NTM_NO_SUCH_NAME'),
      line('EAI_AGAIN', -3001, 'NTM_AS_UNREACHABLE'),
      line('EAI_AGAIN', -3001, 'NTM_DC_UNREACHABLE'),
      line('EAI_AGAIN', -3001, 'NTM_LOGIN_LIMITED'),
      line('EAI_FAIL', -3004, 'NTM_LOGIN_REFUSED'),
      line('EAI_FAIL', -3004, 'NTM_CONFIG'),
    ]);
  });

  it('login failed: a host lookup fails -> the reason is its cause; one that works is untouched', async () => {
    const said = await run(async () => {
      const dns = require('node:dns');
      network.loginError = new NtmError('NTM_LOGIN_REFUSED', 'why');
      await dns.promises.lookup('no-such-host.invalid').catch((error: any) => say(error.syscall, error.cause?.code));
      await new Promise<void>((done) => {
        require('node:net')
          .connect(80, 'no-such-host.invalid')
          .on('error', (error: any) => {
            say(error.syscall, error.cause?.code);
            done();
          });
      });
      say((await dns.promises.lookup('localhost', 4)).address);
    });
    const expected = ['getaddrinfo', 'NTM_LOGIN_REFUSED'];
    assert.deepStrictEqual(said, [expected, expected, '127.0.0.1']);
  });
});
