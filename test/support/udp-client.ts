/** Logs in and registers over real UDP, as a node does first of all. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { parseJoinUrl } from '../../core/join-url';
import { nodeClock, nodeRandom, nodeTimers } from '../../core/runtime-node';
import { noTrace } from '../../core/trace';
import type { Endpoint } from '../../core/wire/addresses';
import { generateKeyPair, sharedKey } from '../../core/wire/keys';
import { Signalling } from '../../core/wire/signalling';
import { expectBody } from './simulated-node';

export async function loginOverUdp(joinUrl: string, account: string, password: string) {
  const { host, port, publicKey } = parseJoinUrl(joinUrl);
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const signalling = new Signalling<Endpoint>({
    party: 'node',
    part: `node ${account}`,
    clock: nodeClock,
    timers: { schedule: (ms, fire) => nodeTimers.schedule(ms, fire), soon: (fire) => nodeTimers.soon(fire) },
    random: nodeRandom,
    trace: noTrace,
    transmit: (datagram, to) => socket.send(Uint8Array.from(datagram), to.port, to.address),
  });
  socket.on('message', (datagram, { address, port: p }) => signalling.receive(datagram, { address, port: p }));
  try {
    const as = { address: host, port };
    const { peer, answer } = signalling.firstContact(
      as,
      { name: 'configurationRequest', body: { account, node: null, password } },
      generateKeyPair(nodeRandom),
      { publicKey, party: 'as', name: 'as' },
    );
    const { fqdn, challenge } = expectBody(await answer, 'configurationResponse');
    const body = { challenge, publicKey: generateKeyPair(nodeRandom).publicKey };
    const login = expectBody(await signalling.request(peer, as, { name: 'loginRequest', body }), 'loginResponse');
    const dc = signalling.addPeer({ key: sharedKey(login.key, 0), party: 'dc', name: login.coordinator });
    const to = login.endpoints[0]!;
    const registration = await signalling.request(dc, to, {
      name: 'registrationRequest',
      body: { endpoints: [], lifetimeMs: 90_000, route: 'auto' },
    });
    return { fqdn, login, registration: expectBody(registration, 'registrationResponse') };
  } finally {
    signalling.close();
    socket.close();
  }
}
