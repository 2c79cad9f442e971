/**
 * A real `ntmobile serve dc` is killed (SIGKILL) at random moments while the AS, played by the test, distributes keys
 * and nodes register: whatever the DC has acknowledged, it still knows when it runs again.
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { EventEmitter, once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describe, it } from 'mocha';
import { formatJoinUrl } from '../../../core/join-url';
import { nodeClock, nodeRandom, nodeTimers } from '../../../core/runtime-node';
import { noTrace } from '../../../core/trace';
import type { Endpoint } from '../../../core/wire/addresses';
import { agreedKey, generateKeyPair, sharedKey } from '../../../core/wire/keys';
import type { Party } from '../../../core/wire/messages';
import { Signalling } from '../../../core/wire/signalling';
import { openServerSocket } from '../../../servers/host';
import { serverKey } from '../../../servers/serve/server-key';
import { ntmobile } from '../../support/network';
import { temporaryDirectory } from '../../support/paths';
import type { Program } from '../../support/processes';
import { SeededRandom } from '../../support/virtual-time';

const ROUNDS = 3;
const KEYS_AT_ONCE = 8;
const LOOPBACK = '127.0.0.1';

/** Somebody who speaks to the DC over a real socket. */
async function party(kind: Party, identity?: ReturnType<typeof generateKeyPair>) {
  const socket = await openServerSocket({ address: LOOPBACK, port: 0 }, (datagram, from) =>
    signalling.receive(datagram, from),
  );
  const transmit = (datagram: Uint8Array, to: Endpoint): void => socket.send(datagram, to);
  const ports = { clock: nodeClock, timers: nodeTimers, random: nodeRandom, trace: noTrace, transmit };
  const signalling = new Signalling<Endpoint>({ party: kind, part: kind, ...ports, ...(identity && { identity }) });
  return { signalling, local: socket.local, close: () => (signalling.close(), socket.close()) };
}

describe('a DC that is killed', function () {
  this.timeout(60_000);

  it('keys distributed and nodes registered, SIGKILL at a random moment -> nothing acknowledged is lost', async () => {
    const seed = randomInt(2 ** 31);
    process.stdout.write(`    seed ${seed}\n`);
    const random = new SeededRandom(seed);
    const dir = temporaryDirectory();
    const dcDir = join(dir, 'dc');
    mkdirSync(dcDir, { recursive: true });
    const dcKey = serverKey(dcDir, nodeRandom);
    const identity = generateKeyPair(nodeRandom);
    const [as, nodes] = [await party('as', identity), await party('node')];
    const dcPeer = as.signalling.addPeer({ key: agreedKey(identity, dcKey.publicKey), party: 'dc', name: 'dc.z.test' });
    as.signalling.handle('coordinatorReport', () => ({
      name: 'coordinatorReportAck',
      body: { ipv4Block: '198.18.0.0/19', ipv6Prefix: 'fd00:1:2:1::/64' },
    }));
    const accountServer = formatJoinUrl({
      ...{ host: LOOPBACK, port: as.local.port, publicKey: identity.publicKey, zone: 'z.test' },
    });
    const config = join(dir, 'dc.json');
    writeFileSync(config, JSON.stringify({ dir: 'dc', listen: `${LOOPBACK}:0`, zone: 'z.test', accountServer }));

    /** Acknowledged: by name, the key, and the address that the node was told. */
    const acknowledged = new Map<string, { key: Uint8Array; ipv4?: string }>();
    const told = new EventEmitter<{ acknowledged: [] }>();
    let count = 0;
    const register = async (fqdn: string, to: Endpoint, tries?: number): Promise<void> => {
      const known = acknowledged.get(fqdn)!;
      const peer = nodes.signalling.addPeer({ key: sharedKey(known.key, 0), party: 'dc', name: 'dc' });
      const body = { endpoints: [], lifetimeMs: 90_000, route: 'auto' as const };
      const answer = await nodes.signalling.request(peer, to, { name: 'registrationRequest', body }, { tries });
      assert(answer.name === 'registrationResponse', `${fqdn} registers`);
      const { ipv4 } = answer.body.addresses;
      assert.equal(ipv4, known.ipv4 ?? ipv4, `${fqdn} keeps its address`);
      known.ipv4 = ipv4;
    };
    const distribute = async (to: Endpoint): Promise<void> => {
      const fqdn = `n${count++}.z.test`;
      const [key, publicKey] = [nodeRandom.bytes(32), nodeRandom.bytes(32)];
      await as.signalling.request(
        dcPeer,
        to,
        { name: 'keyDistribution', body: { fqdn, publicKey, key } },
        { tries: 1 },
      );
      acknowledged.set(fqdn, { key });
      told.emit('acknowledged');
      if (random.below(2) === 0) await register(fqdn, to, 1);
    };
    let dc: Program | undefined;
    try {
      for (let round = 0; round <= ROUNDS; round++) {
        dc = ntmobile(['serve', 'dc', '--config', config, '--json']);
        const { about } = JSON.parse(await dc.line()) as { about: Record<string, string> };
        const [address = '', port] = about['directs the nodes of z.test on']!.split(':');
        const to = { address, port: Number(port) };
        await Promise.all([...acknowledged.keys()].map((fqdn) => register(fqdn, to)));
        const addresses = [...acknowledged.values()].map(({ ipv4 }) => ipv4);
        assert.equal(new Set(addresses).size, acknowledged.size, 'no address is given twice');
        if (round === ROUNDS) break;
        let running = true;
        const first = once(told, 'acknowledged');
        const busy = Array.from({ length: KEYS_AT_ONCE }, async () => {
          while (running) await distribute(to).catch(() => undefined); // killed meanwhile
        });
        await first;
        await wait(random.below(200));
        await dc.kill();
        running = false;
        await Promise.all(busy);
        assert(acknowledged.size > round, 'each round acknowledges something');
      }
    } finally {
      await dc?.kill();
      await Promise.all([as.close(), nodes.close()]);
    }
  });
});
