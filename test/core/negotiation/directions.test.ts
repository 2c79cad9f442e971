import assert from 'node:assert/strict';
import type { NtmError } from '../../../core/errors';
import { AbsentError, Directions, type Direction } from '../../../core/negotiation/directions';
import { noTrace } from '../../../core/trace';
import type { Endpoint } from '../../../core/wire/addresses';
import { sharedKey } from '../../../core/wire/keys';
import type { Body, Message, RefusalCode } from '../../../core/wire/messages';
import { Refused } from '../../../core/wire/outcomes';
import { Signalling } from '../../../core/wire/signalling';
import { SimulatedNetwork } from '../../support/simulated-network';

const key = new Uint8Array(32).fill(3);
const direction: Direction = {
  directionId: new Uint8Array(8).fill(1),
  turn: 'await',
  correspondent: {
    fqdn: 'bob.ntm.internal',
    publicKey: new Uint8Array(32).fill(2),
    addresses: { ipv4: '198.18.0.3', ipv6: 'fd00::3' },
  },
  endpoints: [{ address: '192.0.2.4', port: 5000 }],
  presharedKey: new Uint8Array(32).fill(4),
};

describe('directions', () => {
  let network: SimulatedNetwork;
  let node: Signalling<Endpoint>;
  let dc: Signalling<Endpoint>;
  let directions: Directions;
  let followed: Direction[];
  let lost: string[];
  let policies: Body<'policyDirection'>[];
  let dcReceived: Message['name'][];
  const dcEndpoint = { address: '192.0.2.2', port: 4501 };
  const nodeEndpoint = { address: '192.0.2.3', port: 4502 };

  async function open(at: Endpoint, party: 'node' | 'dc', seed: number): Promise<Signalling<Endpoint>> {
    const { clock, timers, random, openDatagramPort } = network.host(at.address, seed);
    const port = await openDatagramPort({
      family: 4,
      port: at.port,
      onDatagram: (datagram, from) => signalling.receive(datagram, from),
      onSendError: () => {},
    });
    const signalling: Signalling<Endpoint> = new Signalling<Endpoint>({
      ...{ party, part: party, clock, timers, random, trace: noTrace },
      transmit: (datagram, to) => port.send(datagram, to),
    });
    return signalling;
  }

  beforeEach(async () => {
    network = new SimulatedNetwork({ latencyMs: 5 });
    node = await open(nodeEndpoint, 'node', 1);
    dc = await open(dcEndpoint, 'dc', 2);
    const peer = node.addPeer({ key: sharedKey(key, 0), party: 'dc', name: 'dc' });
    followed = [];
    lost = [];
    policies = [];
    dcReceived = [];
    directions = new Directions({
      ...{ clock: network.time, timers: network.time, signalling: node },
      coordinator: () => ({ peer, endpoint: dcEndpoint }),
      onLost: (_, reason) => lost.push(reason),
      onPolicy: (policy) => policies.push(policy),
      onDirection: (received) => followed.push(received),
    });
    dc.handle('routeDirectionAck', () => void dcReceived.push('routeDirectionAck'));
    dc.handle('notificationAck', () => void dcReceived.push('notificationAck'));
  });

  function answerWith(answer: () => Message): void {
    dc.handle('directionRequest', () => {
      dcReceived.push('directionRequest');
      return answer();
    });
  }

  it('MN: asked twice for one name -> one request, one direction followed and acknowledged', async () => {
    dc.addPeer({ key: sharedKey(key, 1), party: 'node', name: 'alice' });
    answerWith(() => ({ name: 'routeDirection', body: direction }));
    const both = Promise.all([directions.ask('bob.ntm.internal'), directions.ask('bob.ntm.internal')]);
    await network.run(100);
    const [first, second] = await both;
    assert.deepEqual(first, direction);
    assert.equal(second, first);
    assert.equal(followed.length, 1);
    assert.deepEqual(dcReceived, ['directionRequest', 'routeDirectionAck']);
  });

  it('CN: a Route Direction that arrives twice -> followed once, acknowledged twice', async () => {
    const alice = dc.addPeer({ key: sharedKey(key, 1), party: 'node', name: 'alice' });
    let dropped = 0;
    network.drop = (datagram, from) => from.port === nodeEndpoint.port && datagram[3] === 17 && dropped++ === 0;
    const answer = dc.request(alice, nodeEndpoint, { name: 'routeDirection', body: direction });
    await network.run(1_000);
    assert.equal((await answer).name, 'routeDirectionAck');
    assert.equal(dropped, 2);
    assert.equal(followed.length, 1);
  });

  it('the policy changes: the DC says so -> handed on once and acknowledged', async () => {
    const alice = dc.addPeer({ key: sharedKey(key, 1), party: 'node', name: 'alice' });
    const body = { fqdn: 'bob.ntm.internal', permits: ['443/tcp'], ended: false };
    const answer = dc.request(alice, nodeEndpoint, { name: 'policyDirection', body });
    await network.run(100);
    assert.equal((await answer).name, 'policyDirectionAck');
    assert.deepEqual(policies, [body]);
  });

  it('MN: moves before the answer comes -> asks again, and follows only what is said of where it is', async () => {
    dc.addPeer({ key: sharedKey(key, 1), party: 'node', name: 'alice' });
    let answers = 0;
    answerWith(() => ({
      name: 'routeDirection',
      body: { ...direction, directionId: new Uint8Array(8).fill(++answers) },
    }));
    const before = directions.ask('bob.ntm.internal');
    await network.run(3);
    directions.hostMoved();
    const after = directions.ask('bob.ntm.internal', true);
    await network.run(100);
    assert.equal(await before, await after);
    assert.deepEqual(
      followed.map(({ directionId }) => directionId[0]),
      [2],
    );
  });

  it('CN: notified -> the DC gets the acknowledgement', async () => {
    dc.addPeer({ key: sharedKey(key, 1), party: 'node', name: 'alice' });
    directions.acknowledgeNotification(new Uint8Array(8), false);
    await network.run(10);
    assert.deepEqual(dcReceived, ['notificationAck']);
  });

  const refusals: [RefusalCode, NtmError['code']][] = [
    ['no-such-name', 'NTM_NO_SUCH_NAME'],
    ['node-unreachable', 'NTM_NODE_UNREACHABLE'],
    ['no-route', 'NTM_NO_ROUTE'],
    ['not-allowed', 'NTM_NOT_ALLOWED'],
    ['not-registered', 'NTM_NOT_REGISTERED'],
    ['unavailable', 'NTM_DC_UNREACHABLE'],
    ['malformed', 'NTM_PROTOCOL'],
  ];
  for (const [refusal, code] of refusals) {
    it(`MN: refused with ${refusal} -> ${code}`, async () => {
      dc.addPeer({ key: sharedKey(key, 1), party: 'node', name: 'alice' });
      answerWith(() => {
        throw new Refused(refusal);
      });
      const refused = assert.rejects(directions.ask('bob.ntm.internal'), (error: NtmError) => error.code === code);
      await network.run(100);
      await refused;
      assert.deepEqual(lost, refusal === 'not-registered' ? ['registration'] : []);
    });
  }

  it('MN: refused as absent -> the error has the addresses', async () => {
    dc.addPeer({ key: sharedKey(key, 1), party: 'node', name: 'alice' });
    const { addresses } = direction.correspondent;
    answerWith(() => {
      throw new Refused('node-absent', addresses);
    });
    const refused = assert.rejects(directions.ask('bob.ntm.internal'), (error) => {
      assert.ok(error instanceof AbsentError);
      assert.deepEqual(error.addresses, addresses);
      return true;
    });
    await network.run(100);
    await refused;
  });

  it('MN: refused as busy -> asks again, and follows the direction; after half a minute of that -> absent, and says why', async () => {
    dc.addPeer({ key: sharedKey(key, 1), party: 'node', name: 'alice' });
    let refused = 0;
    const { addresses } = direction.correspondent;
    answerWith(() => {
      if (++refused < 4) throw new Refused('node-busy', addresses);
      return { name: 'routeDirection', body: direction };
    });
    const directed = directions.ask('bob.ntm.internal');
    await network.run(1_000);
    assert.deepEqual((await directed).directionId, direction.directionId);
    answerWith(() => {
      throw new Refused('node-busy', addresses);
    });
    const absent = assert.rejects(directions.ask('bob.ntm.internal'), (error: Error) => {
      assert(error instanceof AbsentError);
      return /has not answered for a while/.test(error.message);
    });
    await network.run(31_000);
    await absent;
  });

  it('MN: the DC does not know the key -> not registered, sooner than silence', async () => {
    const refused = assert.rejects(
      directions.ask('bob.ntm.internal'),
      (error: NtmError) => error.code === 'NTM_NOT_REGISTERED',
    );
    await network.run(400);
    await refused;
    assert.deepEqual(lost, ['session']);
  });

  it('MN: the DC is silent -> unreachable, and that is told', async () => {
    network.drop = () => true;
    const refused = assert.rejects(directions.ask('bob.ntm.internal'), { code: 'NTM_DC_UNREACHABLE' });
    await network.run(4_000);
    await refused;
    assert.deepEqual(lost, ['silence']);
  });
});
