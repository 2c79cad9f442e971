/** Queries that ask for more than they give, and names that the AS is asked about. */
import assert from 'node:assert/strict';
import dns, { type DecodedPacket } from 'dns-packet';
import { describe, it } from 'mocha';
import { coordinatorZone } from '../../../servers/coordinator/coordinator-zone';
import { DnsServer } from '../../../servers/coordinator/dns-server';
import { RateLimit } from '../../../servers/rate-limit';
import { pass, settle } from '../../support/memory-datagrams';
import { ServerWorld } from '../../support/server-world';

const common = { serial: 1, nameServers: ['dc.ntm.test'], hostmaster: 'hostmaster.ntm.test' };

describe('DNS query', () => {
  const server = new DnsServer([{ ...common, name: 'ntm.test', find: () => Promise.resolve(undefined) }]);
  const answerTo = async (...bytes: (number | number[])[]) => {
    const answer = await server.answer(Uint8Array.from(bytes.flat()), 'udp');
    return answer && Buffer.from(answer).toString('hex');
  };
  const formErr = '000780010000000000000000';
  const header = (questions: number) => [0, 7, 0, 0, 0, questions, 0, 0, 0, 0, 0, 0];
  const [a, pointer] = [
    [0, 1, 0, 1],
    [0xc0, 12],
  ];

  it('two hundred questions of six bytes: asked -> FORMERR, nothing of it is repeated', async () => {
    const name = [1, 2, 3].flatMap(() => [63, ...Array<number>(63).fill(0x61)]);
    const others = Array.from({ length: 199 }, () => [...pointer, ...a]).flat();
    assert.equal(await answerTo(header(200), name, 0, a, others), formErr);
  });

  for (const [what, name] of [
    ['is not UTF-8', [63, ...Array<number>(63).fill(0xff), 0]],
    ['has a dot in a label', [5, 0x61, 0x2e, 0x6e, 0x74, 0x6d, 4, 0x74, 0x65, 0x73, 0x74, 0]],
    ['begins in the header', [0xc0, 0]],
  ] as const) {
    it(`name that ${what}: asked for -> FORMERR, for it cannot be repeated`, async () => {
      assert.equal(await answerTo(header(1), [...name], a), formErr);
    });
  }

  it('name questions used up: an account that never was there -> SERVFAIL, which is no denial', async () => {
    const world = await ServerWorld.start();
    const { pool, names } = world.dc;
    const nameQuestions = new RateLimit(world.time, { burst: 1, refillMs: 1_000 });
    const sources = { pool, names, assignments: world.store.assignments, nameQuestions };
    const server = new DnsServer([coordinatorZone('ntm.test', common, () => undefined, sources)]);
    const rcodeOf = async (name: string) => {
      const query = dns.encode({ type: 'query', id: 1, questions: [{ name, type: 'A' }] });
      const answer = await settle(world.time, server.answer(query, 'udp'));
      return (dns.decode(Buffer.from(answer!)) as DecodedPacket & { rcode: string }).rcode;
    };
    assert.equal(await rcodeOf('no label.ntm.test'), 'NXDOMAIN', 'costs no question');
    assert.equal(await rcodeOf('nobody.ntm.test'), 'NXDOMAIN');
    assert.equal(await rcodeOf('alice.ntm.test'), 'SERVFAIL');
    await pass(world.time, 1_000);
    assert.equal(await rcodeOf('alice.ntm.test'), 'NOERROR');
  });
});
