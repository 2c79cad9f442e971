/** An RS on sockets of both IP versions. */
import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { nodeClock, nodeRandom, nodeTimers } from '../../../core/runtime-node';
import { agreedKey, generateKeyPair, sharedKey } from '../../../core/wire/keys';
import { writeRelayHeader } from '../../../core/wire/relay-frame';
import type { Endpoint } from '../../../core/wire/addresses';
import { Signalling } from '../../../core/wire/signalling';
import { readBindingResponse, writeBindingRequest } from '../../../core/wire/stun';
import { hostRelayServer, type HostedRelay } from '../../../servers/host-relay';

const LOOPBACK = { udp4: '127.0.0.1', udp6: '::1' } as const;

describe('an RS of both IP versions', () => {
  const sockets: Socket[] = [];
  const dcKeys = generateKeyPair(nodeRandom);
  const rsKeys = generateKeyPair(nodeRandom);
  let rs: HostedRelay;
  let at: Record<keyof typeof LOOPBACK, Endpoint>;

  before(async () => {
    const { port } = await free();
    at = { udp4: { address: '127.0.0.1', port }, udp6: { address: '::1', port } };
    const coordinator = { party: 'dc' as const, name: 'dc', publicKey: dcKeys.publicKey };
    const endpoints = Object.values(at);
    const options = { identity: rsKeys, name: 'rs', coordinator, endpoints };
    rs = await hostRelayServer(endpoints, 1, options, { trace: () => {}, log: () => {} });
  });
  after(async () => {
    for (const socket of sockets) socket.close();
    await rs.close();
  });

  it('one side has IPv4 only and the other IPv6 only: it sends, and is answered -> both arrive', async () => {
    const keys = [nodeRandom.bytes(32), nodeRandom.bytes(32)];
    const dc = await party('udp4');
    const peer = dc.signalling.addPeer({ key: agreedKey(dcKeys, rsKeys.publicKey), party: 'rs', name: 'rs' });
    const message = { name: 'relayDirection' as const, body: { owner: 'alice', keys } };
    const answer = await dc.signalling.request(peer, at.udp4, message);
    assert(answer.name === 'relayDirectionAck');
    const { pathId, endpoints } = answer.body;
    assert.deepEqual(endpoints, [at.udp4, at.udp6]);
    const sides = [await party('udp4'), await party('udp6')] as const;
    for (const [i, { signalling, to }] of sides.entries()) {
      const side = signalling.addPeer({ key: sharedKey(keys[i]!, 0), party: 'rs', name: 'rs' });
      await signalling.request(side, to, { name: 'relayBind', body: {} });
    }
    const frame = new Uint8Array(64).fill(4);
    writeRelayHeader(frame, pathId);
    for (const [from, to] of [sides, [...sides].reverse() as [Party, Party]]) {
      const arrived = once(to.socket, 'message');
      from.socket.send(frame, from.to.port, from.to.address);
      assert.deepEqual(new Uint8Array((await arrived)[0] as Buffer), frame);
    }
    for (const { signalling } of [dc, ...sides]) signalling.close();
  });

  for (const type of ['udp4', 'udp6'] as const) {
    it(`a node asks over ${type} by STUN -> it is answered, and from another port when it asks for that`, async () => {
      const socket = createSocket(type);
      sockets.push(socket);
      await new Promise<void>((bound) => socket.bind(0, LOOPBACK[type], bound));
      for (const changePort of [false, true]) {
        const transaction = nodeRandom.bytes(12);
        const arrived = once(socket, 'message');
        socket.send(writeBindingRequest({ transaction, changePort }), at[type].port, at[type].address);
        const [answer, from] = (await arrived) as [Buffer, RemoteInfo];
        const mapped = { address: LOOPBACK[type], port: socket.address().port };
        assert.deepEqual(readBindingResponse(new Uint8Array(answer)), { transaction, mapped });
        assert.equal(from.port !== at[type].port, changePort);
      }
    });
  }

  type Party = Awaited<ReturnType<typeof party>>;

  async function party(type: keyof typeof LOOPBACK) {
    const socket = createSocket(type).bind(0, LOOPBACK[type]);
    sockets.push(socket);
    await once(socket, 'listening');
    const signalling = new Signalling<Endpoint>({
      ...{ party: 'dc', part: 'dc', identity: dcKeys, clock: nodeClock, timers: nodeTimers, random: nodeRandom },
      trace: () => {},
      transmit: (datagram, to) => socket.send(Uint8Array.from(datagram), to.port, to.address),
    });
    socket.on('message', (datagram, { address, port }) => signalling.receive(datagram, { address, port }));
    return { socket, signalling, to: at[type] };
  }
});

/** A port that is free for both, most likely. */
async function free(): Promise<Endpoint> {
  const socket = createSocket('udp6').bind(0, '::1');
  await once(socket, 'listening');
  const { address, port } = socket.address();
  socket.close();
  return { address, port };
}
