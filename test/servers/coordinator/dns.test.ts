import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import dns, { type DecodedPacket, type Packet } from 'dns-packet';
import { after, before, describe, it } from 'mocha';
import { openDns, type DnsHost } from '../../../servers/coordinator/dns-host';
import { DnsServer } from '../../../servers/coordinator/dns-server';
import type { Zone } from '../../../servers/coordinator/zone';
import { SeededRandom } from '../../support/virtual-time';

const zone: Zone = {
  name: 'ntm.test',
  serial: 2026,
  nameServers: ['dc.ntm.test'],
  hostmaster: 'hostmaster.ntm.test',
  find: async (fqdn) =>
    ({
      'dc.ntm.test': { ipv4: ['192.0.2.1'], ipv6: [] },
      'alice.ntm.test': { ipv4: ['198.18.0.1'], ipv6: ['fd00::1'] },
      'w.bob.ntm.test': { ipv4: ['198.18.0.2'], ipv6: ['fd00::2'] },
      'bob.ntm.test': 'none' as const,
      'many.ntm.test': { ipv4: Array.from({ length: 70 }, (_, i) => `198.18.1.${i}`), ipv6: [] },
    })[fqdn],
};

async function ask(name: string, type: string, more: Partial<Packet> = {}, transport: 'udp' | 'tcp' = 'udp') {
  const questions = [{ name, type: type as 'A' }];
  const query = dns.encode({ type: 'query', id: 7, flags: dns.RECURSION_DESIRED, questions, ...more });
  const answer = await new DnsServer([zone]).answer(query, transport);
  assert(answer);
  return { bytes: answer, packet: dns.decode(Buffer.from(answer)) as DecodedPacket & { rcode: string } };
}

describe('zone', () => {
  const soa = 'SOA ntm.test';
  const table: [name: string, type: string, rcode: string, answers: string[], authorities: string[]][] = [
    ['alice.ntm.test', 'A', 'NOERROR', ['A 198.18.0.1'], []],
    ['ALIce.NTM.test', 'AAAA', 'NOERROR', ['AAAA fd00::1'], []],
    ['alice.ntm.test', 'ANY', 'NOERROR', ['A 198.18.0.1'], []],
    ['alice.ntm.test', 'MX', 'NOERROR', [], [soa]],
    ['dc.ntm.test', 'AAAA', 'NOERROR', [], [soa]],
    ['bob.ntm.test', 'A', 'NOERROR', [], [soa]],
    ['w.bob.ntm.test', 'A', 'NOERROR', ['A 198.18.0.2'], []],
    ['nobody.ntm.test', 'A', 'NXDOMAIN', [], [soa]],
    ['ntm.test', 'NS', 'NOERROR', ['NS dc.ntm.test'], []],
    ['ntm.test', 'A', 'NOERROR', [], [soa]],
    ['ntm.test', 'AXFR', 'REFUSED', [], []],
    ['xntm.test', 'A', 'REFUSED', [], []],
    ['example.org', 'A', 'REFUSED', [], []],
    ['.', 'NS', 'REFUSED', [], []],
  ];
  for (const [name, type, rcode, answers, authorities] of table) {
    it(`${name}: asked for ${type} -> ${rcode}${answers.map((a) => ` ${a}`).join()}`, async () => {
      const { packet } = await ask(name, type);
      const said = (packet.answers ?? []).map((a) => `${a.type} ${'data' in a ? String(a.data) : ''}`);
      assert.deepEqual([packet.rcode, said], [rcode, answers]);
      assert.deepEqual(
        (packet.authorities ?? []).map((a) => `${a.type} ${a.name}`),
        authorities,
      );
      assert.deepEqual([packet.flag_aa, packet.flag_ra, packet.flag_rd], [rcode !== 'REFUSED', false, true]);
      assert.equal(packet.questions?.[0]?.name, name);
    });
  }

  it('alice: asked for A -> these bytes', async () => {
    const { bytes } = await ask('alice.ntm.test', 'A');
    assert.equal(
      Buffer.from(bytes).toString('hex'),
      [
        '0007 8500 0001 0001 0000 0000', // response, authoritative, recursion desired; one question, one answer
        '05616c696365 036e746d 0474657374 00 0001 0001',
        '05616c696365 036e746d 0474657374 00 0001 0001 0000003c 0004 c6120001',
      ]
        .join('')
        .replaceAll(' ', ''),
    );
  });

  it('answer of 70 addresses: asked over UDP -> truncated within the limit; over TCP -> whole', async () => {
    const plain = await ask('many.ntm.test', 'A');
    assert(plain.bytes.length <= 512 && plain.packet.flag_tc && plain.packet.answers?.length === 0);
    const opt = { type: 'OPT' as const, name: '.' as const, udpPayloadSize: 65_000, flags: 0, options: [] };
    const edns = await ask('many.ntm.test', 'A', { additionals: [opt as never] });
    assert(edns.bytes.length <= 1232 && edns.packet.flag_tc);
    assert.equal(edns.packet.additionals?.[0]?.type, 'OPT');
    const tcp = await ask('many.ntm.test', 'A', {}, 'tcp');
    assert.deepEqual([tcp.packet.flag_tc, tcp.packet.answers?.length], [false, 70]);
  });

  it('other opcode, two questions, other class -> NOTIMP, FORMERR, REFUSED', async () => {
    assert.equal((await ask('ntm.test', 'A', { flags: 5 << 11 })).packet.rcode, 'NOTIMP');
    const questions = [
      { name: 'ntm.test', type: 'A' as const },
      { name: 'ntm.test', type: 'A' as const },
    ];
    assert.equal((await ask('', '', { questions })).packet.rcode, 'FORMERR');
    const chaos = [{ name: 'ntm.test', type: 'A' as const, class: 'CH' as const }];
    assert.equal((await ask('', '', { questions: chaos })).packet.rcode, 'REFUSED');
  });

  it('garbage, responses, every prefix of a query -> dropped or answered, never thrown', async () => {
    const server = new DnsServer([zone]);
    const query = dns.encode({ type: 'query', id: 1, questions: [{ name: 'alice.ntm.test', type: 'A' }] });
    for (let length = 0; length < query.length; length++) await server.answer(query.subarray(0, length), 'udp');
    const random = new SeededRandom(3);
    for (let i = 0; i < 2000; i++) {
      const garbage = i % 2 ? random.bytes(random.below(80)) : Uint8Array.from(query);
      if (garbage.length > 0) garbage[random.below(garbage.length)] = random.below(256);
      const answer = await server.answer(garbage, 'udp');
      assert(!answer || answer.length <= 512);
    }
    assert.equal(await server.answer(dns.encode({ type: 'response', id: 1 }), 'udp'), undefined);
    assert((server.drops.get('unreadable') ?? 0) > 20);
    assert((server.drops.get('not a query') ?? 0) > 0);
  });
});

describe('DNS on real sockets', () => {
  let host: DnsHost;
  const server = new DnsServer([zone]);
  before(async () => (host = await openDns(server, { address: '127.0.0.1', port: 0 })));
  after(() => host.close());

  const dig = (...args: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const all = ['@127.0.0.1', '-p', String(host.local.port), '+tries=1', '+time=2', '+noidnin', ...args];
      execFile('dig', all, (error, stdout) => (error ? reject(new Error(stdout)) : resolve(stdout)));
    });

  describe('asked with dig', () => {
    before(function () {
      if (spawnSync('dig', ['-v']).error) {
        console.log('      skipped: dig is not installed (Debian: apt-get install bind9-dnsutils)');
        this.skip();
      }
    });

    for (const transport of ['+notcp', '+tcp']) {
      it(`${transport}: A, AAAA, SOA, NS, NXDOMAIN -> answered`, async () => {
        assert.equal((await dig(transport, '+short', 'alice.ntm.test', 'A')).trim(), '198.18.0.1');
        assert.equal((await dig(transport, '+short', 'alice.ntm.test', 'AAAA')).trim(), 'fd00::1');
        assert.match(
          await dig(transport, '+short', 'ntm.test', 'SOA'),
          /^dc\.ntm\.test\. hostmaster\.ntm\.test\. 2026 /,
        );
        const ns = await dig(transport, 'ntm.test', 'NS');
        assert.match(ns, /status: NOERROR/);
        assert.match(ns, /flags: qr aa rd;/);
        assert.match(ns, /dc\.ntm\.test\.\s+60\s+IN\s+A\s+192\.0\.2\.1/);
        assert.match(await dig(transport, 'nobody.ntm.test'), /status: NXDOMAIN[^]*AUTHORITY SECTION[^]*SOA/);
        assert.match(await dig(transport, 'example.org'), /status: REFUSED/);
      });
    }

    it('long answer over UDP: dig -> retries over TCP and has all of it', async () => {
      const answer = await dig('+short', 'many.ntm.test', 'A');
      assert.equal(answer.trim().split('\n').length, 70);
    });

    it('EDNS version 1: dig -> BADVERS', async () => {
      assert.match(await dig('+edns=1', '+noednsneg', 'alice.ntm.test'), /status: BADVERS/);
    });
  });

  it('TCP: two queries in pieces -> two answers; garbage -> closed', async () => {
    const query = dns.streamEncode({ type: 'query', id: 1, questions: [{ name: 'alice.ntm.test', type: 'A' }] });
    const two = Buffer.concat([query, query]);
    const socket = connect(host.local.port, '127.0.0.1');
    let received = Buffer.alloc(0);
    socket.on('data', (bytes: Buffer) => (received = Buffer.concat([received, bytes])));
    socket.write(two.subarray(0, 11));
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.write(two.subarray(11));
    while (received.length < 2 || received.length < 2 * (2 + received.readUInt16BE(0))) {
      await new Promise((resolve) => socket.once('data', resolve));
    }
    assert.equal(dns.streamDecode(received).answers?.length, 1);
    socket.on('error', () => {});
    socket.write(Buffer.alloc(5000, 0xff));
    await new Promise((resolve) => socket.on('close', resolve));
    assert.equal(server.drops.get('query too long'), 1);
  });

  it('TCP: twenty connections of one source, one more -> closed; from another source -> answered', async () => {
    const { port } = host.local;
    const idle = Array.from({ length: 20 }, () => connect(port, '127.0.0.1'));
    await Promise.all(idle.map((socket) => once(socket, 'connect')));
    await once(
      connect(port, '127.0.0.1').on('error', () => {}),
      'close',
    );
    assert.equal(server.drops.get('too many connections'), 1);
    const other = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
    other.write(dns.streamEncode({ type: 'query', id: 1, questions: [{ name: 'alice.ntm.test', type: 'A' }] }));
    const [answer] = (await once(other, 'data')) as [Buffer];
    assert.equal(dns.streamDecode(answer).answers?.length, 1);
    for (const socket of [...idle, other]) socket.destroy();
  });
});
