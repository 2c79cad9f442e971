/** All servers, an insider who means ill, two nodes that mean well, and a storm of whatever is sent to the servers. */
import assert from 'node:assert/strict';
import type { Endpoint } from '../../core/wire/addresses';
import { readHeader, Seal } from '../../core/wire/header';
import type { Message } from '../../core/wire/messages';
import { generateKeyPair, hex, type SharedKey } from '../../core/wire/keys';
import { pass, settle } from '../support/memory-datagrams';
import { ServerWorld, ZONE, ports } from '../support/server-world';
import { expectBody, SimulatedNode } from '../support/simulated-node';
import type { Route } from './server-routes';
import { contradictionsAt, dropsOf, heldBy, waitingAt } from './server-state';

/** The second byte of an input: how it is sent. */
export const How = {
  response: 0x01,
  again: 0x02,
  later: 0x04,
  pending: 0x08,
  ahead: 0x10,
  alone: 0x20,
  old: 0x40,
} as const;
/** An answer, a place in a window, two buckets of the AS or a session and its keys: all in tables with a limit. */
const KEPT_OF_MESSAGE = 5;
/** Of the friends' own talk after the storm. */
const OWN_ENTRIES = 60;
/** Sessions at the AS and silent connections to the NS end. */
const LATER_MS = 200_000;

const at = (n: number) => ({ address: `203.0.113.${n}`, port: 4000 });

/** An account's holder, with all that the servers gave it. */
export interface Insider {
  readonly node: SimulatedNode;
  readonly second: SimulatedNode;
  /** At the AS: configured with this challenge, not logged in. */
  readonly session: SharedKey;
  readonly challenge: Uint8Array;
  /** With the CS, where it may store for bob. */
  readonly cacheKey: Uint8Array;
}

export class ServerStorm {
  private readonly insiderOrStranger = { nextTransaction: 1n << 62n };
  /** By the key: what the servers asked last. */
  private readonly asked = new Map<string, bigint>();
  /** Nobody else's answers arrive. */
  private alone = false;
  private messages = 0;
  private readonly heldBefore: number;

  private constructor(
    readonly world: ServerWorld,
    readonly insider: Insider,
    private readonly nodes: SimulatedNode[],
  ) {
    world.passwordMs = 20;
    world.network.lose = (datagram) => this.overhear(datagram);
    this.heldBefore = heldBy(world);
  }

  /** `overhear` is told of every datagram of the joins. */
  static async start(
    overhear: (datagram: Uint8Array, to: Endpoint) => void = () => {},
    more: Parameters<typeof ServerWorld.start>[0] = {},
  ): Promise<ServerStorm> {
    const world = await ServerWorld.start({ withCache: true, ...more });
    world.network.lose = (datagram, _, to) => (overhear(datagram, to), false);
    const node = new SimulatedNode(world, 'alice', at(1));
    const second = new SimulatedNode(world, 'alice', at(2), 'w');
    const friends = [new SimulatedNode(world, 'bob', at(3)), new SimulatedNode(world, 'carol', at(4))];
    const nodes = [...friends, node, second];
    for (const each of nodes) await each.join();
    const pinned = { publicKey: world.identities.as.publicKey, party: 'as' as const, name: 'as' };
    const request = {
      ...{ name: 'configurationRequest' as const, body: { account: 'alice', node: null, password: 'right' } },
    };
    const contact = node.signalling.firstContact(ports.as, request, generateKeyPair(world.random), pinned);
    const { challenge } = expectBody(await settle(world.time, contact.answer), 'configurationResponse');
    const ask: Message = { name: 'cacheRequest', body: { target: `bob.${ZONE}` } };
    const { key: cacheKey } = expectBody(await node.ask(ask), 'cacheResponse');
    return new ServerStorm(world, { node, second, session: contact.peer.key, challenge, cacheKey }, nodes);
  }

  /** One input: route, how, type, body. */
  async put(routes: readonly Route[], [which = 0, how = 0, type = 0, ...bytes]: Uint8Array): Promise<void> {
    const route = routes[which % routes.length]!;
    const asked = route.key && this.asked.get(hex(route.key.id));
    const sender = route.sender ?? this.insiderOrStranger;
    const ownTransaction = (sender.nextTransaction += how & How.ahead ? 300n : 1n) - 1n;
    const chosen = how & How.old ? ownTransaction - 1_000n : ownTransaction;
    const transaction = how & How.pending && asked !== undefined ? asked : chosen;
    const response = (how & How.response) !== 0;
    const datagram = route.seal({ type, response, transaction, body: Uint8Array.from(bytes) });
    this.alone = (how & How.alone) !== 0;
    for (let times = how & How.again ? 2 : 1; times > 0; times--) {
      this.messages++;
      const dropped = dropsOf(this.world);
      const { receivedBytes } = this.world.cs.uploads;
      const { answered } = this.world.rs.stun;
      this.world.trace.length = 0;
      route.deliver(datagram);
      const taken = this.world.trace.some(({ event }) => event === 'receive') || this.isHint(datagram);
      const stored = this.world.cs.uploads.receivedBytes > receivedBytes || this.world.rs.stun.answered > answered;
      assert(taken || stored || dropsOf(this.world) > dropped, 'neither counted nor taken');
    }
    if (how & How.later) await pass(this.world.time, 50);
  }

  /** Those who had joined before go on as if nothing had been. */
  async friendsGoOn(): Promise<void> {
    await this.calm();
    const [bob, carol] = this.nodes as [SimulatedNode, SimulatedNode];
    const { trace } = this.world;
    trace.length = 0;
    assert.equal((await bob.direct(`carol.${ZONE}`)).correspondent.fqdn, `carol.${ZONE}`);
    assert.equal(carol.directions.at(-1)?.correspondent.fqdn, `bob.${ZONE}`);
    const notified = trace.some(({ part, message }) => part === 'node carol' && message === 'Notification');
    assert(notified, 'the friend is not notified');
    await carol.keepAlive();
  }

  async newcomersAreServed(): Promise<void> {
    await this.calm();
    const [alice, bob] = [new SimulatedNode(this.world, 'alice', at(8)), new SimulatedNode(this.world, 'bob', at(9))];
    this.nodes.push(alice, bob);
    for (const node of [alice, bob]) assert((await node.join()).notification, 'there is no notification service');
    assert.equal((await alice.direct(`bob.${ZONE}`)).correspondent.fqdn, `bob.${ZONE}`);
    assert.equal(bob.directions.length, 1);
  }

  async nothingIsLeft(): Promise<void> {
    const { world, messages } = this;
    this.alone = false; // servers go on reporting, and are answered
    await pass(world.time, LATER_MS);
    assert.deepEqual(waitingAt(world), [], 'something waits still');
    assert.deepEqual(contradictionsAt(world), []);
    const held = heldBy(world) - this.heldBefore;
    assert(held <= messages * KEPT_OF_MESSAGE + OWN_ENTRIES, `${messages} messages left ${held} entries`);
    assert.equal(dropsOf(world, 'handler failed'), 0, 'a handler threw');
  }

  async end(): Promise<void> {
    for (const { signalling, streamSignalling, stream } of this.nodes) {
      for (const each of [signalling, streamSignalling]) each.close();
      stream?.close();
    }
    this.world.close();
    await pass(this.world.time, 10); // what is on its way arrives
    assert.equal(this.world.time.pendingCount, 0, 'a timer is left');
  }

  /** The NS and the DC say again where they are, whatever was said by their keys; attempts to log in are given back. */
  private async calm(): Promise<void> {
    this.alone = false;
    await pass(this.world.time, 11_000);
    const { coordinators } = this.world.store;
    const coordinator = await coordinators.find(ZONE);
    assert(coordinator);
    await coordinators.put({ ...coordinator, endpoint: ports.dc });
  }

  /** True: the datagram is lost. */
  private overhear(datagram: Uint8Array): boolean {
    const header = readHeader(datagram);
    if (header?.seal === Seal.secret && !header.response) this.asked.set(hex(header.keyId), header.transaction);
    return this.alone && header?.response === true;
  }

  /** Hints are believed a little, and not counted, when there is a request that they may be about. */
  private isHint(datagram: Uint8Array): boolean {
    const header = readHeader(datagram);
    return header?.seal === Seal.none && this.asked.get(hex(header.keyId)) === header.transaction;
  }
}
