/**
 * Every way in which the network hands a server something: who sends it, sealed under which key, to which server.
 * A route seals whatever body it is given, so that what is mutated gets past the seal.
 */
import type { Endpoint } from '../../core/wire/addresses';
import { frame } from '../../core/wire/frames';
import { SIGNALLING_VERSION } from '../../core/wire/header';
import { agreedKey, generateKeyPair, sharedKey, type SharedKey } from '../../core/wire/keys';
import type { Party } from '../../core/wire/messages';
import { sealBox, sealSecret } from '../../core/wire/seal';
import type { ConnectionEvents } from '../../servers/notification/connections';
import { ports, type ServerWorld } from '../support/server-world';
import { sampleBodies } from '../support/sample-messages';
import { SeededRandom } from '../support/virtual-time';
import type { Insider } from './server-storm';

export interface Sealed {
  readonly type: number;
  readonly response: boolean;
  readonly transaction: bigint;
  readonly body: Uint8Array;
}

export interface Route {
  readonly to: ServerName;
  /** The key that answers come under; none for what strangers send. */
  readonly key?: SharedKey;
  /** Who really has the key, and counts what it sends under it: a counter that runs away is not what is tested. */
  readonly sender?: { nextTransaction: bigint };
  seal(message: Sealed): Uint8Array;
  deliver(datagram: Uint8Array): void;
}

export type ServerName = Exclude<Party, 'node'>;
export const serverNames: readonly ServerName[] = ['as', 'dc', 'ns', 'rs', 'cs'];

/** Longer bodies do not fit into a datagram, whoever seals them. */
export const BODY_LIMIT = 1_000;

const random = new SeededRandom(9);
const stranger: Endpoint = { address: '198.51.100.66', port: 666 };
const strangersKeys = [1, 2, 3].map(() => generateKeyPair(random));

/** The first of the five raw ones among the nodes' routes. */
export const RAW_ROUTE = 5;

/** Of those who have no say over others: an account's own nodes, and strangers. */
export function nodeRoutes(world: ServerWorld, { node, session, second, cacheKey }: Insider): Route[] {
  const { local } = node;
  const own = new Stream(world, local.address);
  const cache = new Stream(world, local.address, 'cs');
  const shared = new Stream(world, local.address);
  return [
    secret('as', session, (datagram) => world.as.receive(datagram, local)),
    secret('dc', node.dc!.key, (datagram) => world.dc.receive(datagram, local)),
    secret('ns', node.ns!.key, (datagram) => own.send(datagram)),
    secret('ns', node.ns!.key, (datagram) => shared.send(datagram)),
    secret('ns', second.ns!.key, (datagram) => shared.send(datagram)),
    ...serverNames.map((name) => raw(world, name)),
    { to: 'ns', seal: ({ body }) => body, deliver: (datagram) => own.send(datagram) },
    ...(['as', 'dc', 'ns'] as const).map((name) => box(world, name)),
    secret('cs', sharedKey(cacheKey, 0), (datagram) => cache.send(datagram)),
    { to: 'cs', seal: ({ body }) => body, deliver: (bytes) => cache.send(bytes) },
  ];
}

/** Of servers that are out of order: they are believed much, and must still not break others. */
export function serverRoutes(world: ServerWorld): Route[] {
  const between = (from: ServerName, to: ServerName): Route => {
    const key = agreedKey(world.identities[from], world.identities[to].publicKey);
    const { peers } = world[from].signalling as any;
    const route = secret(to, key, (datagram) => world[to].receive(datagram, ports[from]));
    return { ...route, sender: peers.find(key.id) };
  };
  // The keys that the samples of Key Distribution, Notification and Cache Service Request and Relay Direction bring.
  const stream = new Stream(world, stranger.address);
  const distributed = sharedKey(sampleBodies.keyDistribution.key, 0);
  const side = sharedKey(sampleBodies.relayDirection.keys[0]!, 0);
  const cache = new Stream(world, stranger.address, 'cs');
  const announced = sharedKey(sampleBodies.cacheServiceRequest.key, 0);
  const offered = sharedKey(sampleBodies.notificationServiceRequest.key, 0);
  return [
    between('as', 'dc'),
    between('ns', 'dc'),
    between('rs', 'dc'),
    between('cs', 'dc'),
    between('dc', 'as'),
    between('dc', 'ns'),
    between('dc', 'rs'),
    between('dc', 'cs'),
    secret('dc', distributed, (datagram) => world.dc.receive(datagram, stranger)),
    secret('ns', offered, (datagram) => stream.send(datagram)),
    secret('rs', side, (datagram) => world.rs.receive(datagram, stranger)),
    secret('cs', announced, (datagram) => cache.send(datagram)),
  ];
}

function secret(to: ServerName, key: SharedKey, deliver: Route['deliver']): Route {
  const seal = ({ body, ...meaning }: Sealed): Uint8Array =>
    sealSecret({ version: SIGNALLING_VERSION, ...meaning }, body.subarray(0, BODY_LIMIT), key, random);
  return { to, key, seal, deliver };
}

function raw(world: ServerWorld, to: ServerName): Route {
  return { to, seal: ({ body }) => body, deliver: (datagram) => world[to].receive(datagram, stranger) };
}

/** A first contact. The transaction says which stranger's, so that some have more than one. */
function box(world: ServerWorld, to: ServerName): Route {
  return {
    ...raw(world, to),
    seal({ body, ...meaning }) {
      const sender = strangersKeys[Number(meaning.transaction % 3n)]!;
      const { publicKey } = world.identities[to];
      return sealBox(
        { version: SIGNALLING_VERSION, ...meaning },
        body.subarray(0, BODY_LIMIT),
        sender,
        publicKey,
        random,
      );
    },
  };
}

/** A TCP connection to the NS or CS, opened anew whenever that has closed it. */
class Stream {
  private events: ConnectionEvents | undefined;

  constructor(
    private readonly world: ServerWorld,
    private readonly sourceAddress: string,
    private readonly server: 'ns' | 'cs' = 'ns',
  ) {}

  send(datagram: Uint8Array): void {
    this.events ??= this.open();
    this.events.bytes(frame(datagram));
  }

  private open(): ConnectionEvents {
    const { world, sourceAddress } = this;
    const ended = (): void => {
      if (this.events === events) this.events = undefined;
      world.time.schedule(1, () => events.ended());
    };
    const events: ConnectionEvents = world[this.server].accept({ sourceAddress, write: () => {}, close: ended })!;
    return events;
  }
}
