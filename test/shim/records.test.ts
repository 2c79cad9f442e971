import assert from 'node:assert';
import { describePrograms, run, runModule } from '../support/run-program';

const B = { ipv4: '198.18.0.2', ipv6: 'fd00:6e74::2' };
const B_REVERSE = '2.0.18.198.in-addr.arpa';
const B_REVERSE6 = `2.${'0.'.repeat(23)}4.7.e.6.0.0.d.f.ip6.arpa`;

/** For programs: every way to ask, callbacks and promises, module and Resolver, as [code or answer, syscall]. */
const ASK = `globalThis.ask = async (method, ...args) => {
  const dns = require('node:dns');
  const seen = (error) => [error.code, error.syscall, error.hostname];
  const answers = [];
  for (const object of [dns, new dns.Resolver()]) {
    if (!object[method]) continue;
    answers.push(await new Promise((done) =>
      object[method](...args, (error, ...found) => done(error ? seen(error) : found.length > 1 ? found : found[0]))));
  }
  for (const object of [dns.promises, new dns.promises.Resolver()]) {
    if (object[method]) answers.push(await object[method](...args).catch(seen));
  }
  const texts = new Set(answers.map((answer) => JSON.stringify(answer)));
  return texts.size === 1 ? answers[0] : answers;
};`;

const ask = (...questions: unknown[][]): Promise<unknown[]> => {
  const source = `${ASK}
    (async () => { for (const question of ${JSON.stringify(questions)}) say(await ask(...question)); })()`;
  return run(new Function(source) as () => unknown);
};

describePrograms('records of names', () => {
  const others = ['Caa', 'Cname', 'Mx', 'Naptr', 'Ns', 'Ptr', 'Soa', 'Srv', 'Txt'];

  it('a known name: records of types that no node has -> ENODATA, whichever way is asked', async () => {
    const said = await ask(...others.map((type) => [`resolve${type}`, 'b.test.ntm']));
    assert.deepStrictEqual(
      said,
      others.map((type) => ['ENODATA', `query${type}`, 'b.test.ntm']),
    );
  });

  it('a name that nobody has: any record -> ENOTFOUND', async () => {
    const types = [...others, '4', '6', 'Any'];
    const said = await ask(...types.map((type) => [`resolve${type}`, 'nobody.test.ntm']));
    const syscall = (type: string): string => ({ '4': 'queryA', '6': 'queryAaaa' })[type] ?? `query${type}`;
    assert.deepStrictEqual(
      said,
      types.map((type) => ['ENOTFOUND', syscall(type), 'nobody.test.ntm']),
    );
  });

  it('a known name: any record -> both addresses', async () => {
    assert.deepStrictEqual(await ask(['resolveAny', 'b.test.ntm']), [
      [
        { address: B.ipv4, ttl: 60, type: 'A' },
        { address: B.ipv6, ttl: 60, type: 'AAAA' },
      ],
    ]);
  });

  it('resolve with a type -> as the method of that type', async () => {
    const said = await ask(
      ['resolve', 'b.test.ntm', 'A'],
      ['resolve', 'b.test.ntm', 'MX'],
      ['resolve', 'nobody.test.ntm', 'TXT'],
      ['resolve', B_REVERSE, 'PTR'],
    );
    assert.deepStrictEqual(said, [
      [B.ipv4],
      ['ENODATA', 'queryMx', 'b.test.ntm'],
      ['ENOTFOUND', 'queryTxt', 'nobody.test.ntm'],
      ['b.test.ntm'],
    ]);
  });

  it('an unknown type -> the error that Node throws for any name', async () => {
    const said = await run(() => {
      const dns = require('node:dns');
      for (const name of ['b.test.ntm', 'example.com']) {
        try {
          dns.resolve(name, 'toString', () => {});
        } catch (error: any) {
          say(error.code);
        }
      }
    });
    assert.deepStrictEqual(said, ['ERR_INVALID_ARG_VALUE', 'ERR_INVALID_ARG_VALUE']);
  });
});

describePrograms('names of addresses', () => {
  it('a virtual address, plain or mapped: reverse -> its node', async () => {
    const said = await ask(['reverse', B.ipv4], ['reverse', B.ipv6], ['reverse', `::ffff:${B.ipv4}`]);
    assert.deepStrictEqual(said, [['b.test.ntm'], ['b.test.ntm'], ['b.test.ntm']]);
  });

  it('a virtual address that nobody has: reverse -> ENOTFOUND', async () => {
    assert.deepStrictEqual(await ask(['reverse', '198.18.0.77']), [['ENOTFOUND', 'getHostByAddr', '198.18.0.77']]);
  });

  it("a virtual address's name in the DNS: PTR -> its node; other records -> ENODATA", async () => {
    const said = await ask(['resolvePtr', B_REVERSE], ['resolvePtr', B_REVERSE6], ['resolveMx', B_REVERSE]);
    assert.deepStrictEqual(said, [['b.test.ntm'], ['b.test.ntm'], ['ENODATA', 'queryMx', B_REVERSE]]);
  });

  it('lookupService of a virtual address -> its node, and the service as the host calls it', async () => {
    const said = await run(async () => {
      const dns = require('node:dns');
      const address = '198.18.0.2';
      const host = await dns.promises.lookupService('127.0.0.1', 80);
      const found = await dns.promises.lookupService(address, 80);
      say(found.hostname, found.service === host.service);
      dns.lookupService(address, 80, (error: unknown, hostname: string, service: string) => {
        say(error, hostname, service === host.service);
      });
      for (const form of [
        () => dns.promises.lookupService('198.18.0.77', 80),
        () => new Promise((_, reject) => dns.lookupService('198.18.0.77', 80, reject)),
      ]) {
        await form().catch((error: any) => say(error.code, error.syscall, error.hostname, error.cause.code));
      }
      try {
        dns.lookupService(address, 70_000, () => {});
      } catch (error: any) {
        say(error.code);
      }
    });
    const missing = ['ENOTFOUND', 'getnameinfo', '198.18.0.77', 'NTM_NO_SUCH_NAME'];
    assert.deepStrictEqual(said[0], ['b.test.ntm', true]);
    assert.deepStrictEqual(
      said.slice(1).map(String).sort(),
      [String(missing), String(missing), ',b.test.ntm,true', 'ERR_SOCKET_BAD_PORT'].sort(),
    );
  });
});

describePrograms('os.networkInterfaces', () => {
  const virtual = [
    {
      address: '198.18.0.1',
      netmask: '255.254.0.0',
      mac: '00:00:00:00:00:00',
      internal: false,
      family: 'IPv4',
      cidr: '198.18.0.1/15',
    },
    {
      address: 'fd00:6e74::1',
      netmask: 'ffff:ffff:ffff:ffff::',
      mac: '00:00:00:00:00:00',
      internal: false,
      family: 'IPv6',
      cidr: 'fd00:6e74::1/64',
      scopeid: 0,
    },
  ];

  it("addresses known: CommonJS asks -> the host's interfaces and the virtual one, with the same fields", async () => {
    const said = await run(() => {
      const { networkInterfaces } = require('node:os');
      const { ntm0, lo } = networkInterfaces();
      say(ntm0);
      say(lo === undefined || Object.keys(lo[0]).sort().join() === Object.keys(ntm0[0]).sort().join());
      shim.restore();
      say(Object.keys(require('node:os').networkInterfaces()).includes('ntm0'));
    });
    assert.deepStrictEqual(said, [virtual, true, false]);
  });

  it('addresses known: an ES module asks by a named import -> the virtual one too', async () => {
    const source = `import { networkInterfaces } from 'node:os'; say(networkInterfaces().ntm0);`;
    assert.deepStrictEqual(await runModule(source), [virtual]);
  });

  it('addresses not known yet -> the host has its own only', async () => {
    const said = await run(() => {
      Object.defineProperty(network, 'addresses', { value: undefined });
      say('ntm0' in require('node:os').networkInterfaces());
    });
    assert.deepStrictEqual(said, [false]);
  });
});
