/** Whatever is sent to the servers, also under keys that are rightly held: each message is counted or taken. */
import { encodeBody } from '../../core/wire/codec';
import { kindOf, messages, type MessageName } from '../../core/wire/messages';
import { writeBindingRequest } from '../../core/wire/stun';
import { readCorpus } from './corpus';
import { fuzz, seed } from './engine';
import { sampleBodies } from '../support/sample-messages';
import { ports } from '../support/server-world';
import { nodeRoutes, RAW_ROUTE, serverNames, serverRoutes } from './server-routes';
import { How, ServerStorm } from './server-storm';

/** Those that seal (server-routes.ts). */
const NODE_ROUTES = [0, 1, 2, 3, 4, 11, 12, 13];
const SERVER_ROUTES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

const tokens = ['alice', 'bob', 'ntm.test', '__proto__', 'endpoints', 'address', Uint8Array.of(0x58, 32), 'İ'];

describe(`fuzz: servers (NTMOBILE_FUZZ_SEED=${seed})`, function () {
  this.timeout(600_000);

  it('datagrams of strangers and of an account gone bad -> counted or refused, and nobody else notices', () =>
    fuzz({
      ...{ name: 'nodes', runs: 1_200, batch: 300, longest: 1_400, tokens },
      live: liveForNodes,
      async attempt(inputs) {
        const storm = await ServerStorm.start();
        const routes = nodeRoutes(storm.world, storm.insider);
        for (const input of inputs) await storm.put(routes, input);
        await storm.friendsGoOn();
        await storm.nothingIsLeft();
        await storm.newcomersAreServed();
        await storm.end();
      },
    }));

  it('messages under the keys of servers -> counted or taken, and nodes that log in again are served', () =>
    fuzz({
      ...{ name: 'servers', runs: 1_200, batch: 300, longest: 1_400, tokens },
      live: () => [...variants('servers'), ...everyMessage(SERVER_ROUTES)],
      async attempt(inputs) {
        const storm = await ServerStorm.start();
        const routes = serverRoutes(storm.world);
        for (const input of inputs) await storm.put(routes, input);
        await storm.nothingIsLeft();
        await storm.newcomersAreServed();
        await storm.end();
      },
    }));
});

/** In other ways than the corpus has them: again, ahead, old, as answers. */
function variants(target: string): Uint8Array[] {
  const ways = [
    How.later,
    How.later | How.again,
    How.later | How.ahead,
    How.old,
    How.response | How.pending | How.alone,
  ];
  return readCorpus(target).flatMap(([route = 0, , ...rest]) => ways.map((how) => Uint8Array.of(route, how, ...rest)));
}

/** The sample of each message by each route, so that a new message needs no entry in the corpus. */
function everyMessage(routes: readonly number[]): Uint8Array[] {
  return Object.entries(sampleBodies).flatMap(([name, body]) => {
    const encoded = encodeBody(body);
    const { type } = messages[name as MessageName];
    const how = kindOf(name as MessageName) === 'response' ? How.response | How.later : How.later;
    return routes.map((route) => Uint8Array.of(route, how, type, ...encoded));
  });
}

/** To the RS, from a stranger. */
function stunRequests(): Uint8Array[] {
  const transaction = new Uint8Array(12).fill(7);
  return [true, false].map((changePort) => {
    const route = RAW_ROUTE + serverNames.indexOf('rs');
    return Uint8Array.of(route, How.later, 0, ...writeBindingRequest({ transaction, changePort }));
  });
}

/** The insider's login, and what nodes and servers sent while they joined: every run has the same randomness. */
async function liveForNodes(): Promise<Uint8Array[]> {
  const overheard: Uint8Array[] = [];
  const { insider } = await ServerStorm.start((datagram, to) => {
    const server = serverNames.findIndex((name) => ports[name].address === to.address && ports[name].port === to.port);
    if (server >= 0) overheard.push(Uint8Array.of(RAW_ROUTE + server, How.later, 0, ...datagram));
  });
  const body = encodeBody({ challenge: insider.challenge, publicKey: new Uint8Array(32).fill(2) });
  return [
    ...variants('nodes'),
    ...everyMessage(NODE_ROUTES),
    ...overheard,
    ...stunRequests(),
    Uint8Array.of(0, How.later, messages.loginRequest.type, ...body),
  ];
}
