/**
 * The DC's side of the CS (paper 2.5): where a node stores something for another, and where it takes what is its own.
 * The DC of the receiver decides: its CS keeps the item, its table has the key that the item is sealed to, and its
 * voucher tells the receiver who the sender is.
 *
 *   sender             DC_MN                 DC_CN                 CS_CN
 *    | cache request -> | cache request ----> | cache service req. -> |    DC_MN is DC_CN within a zone
 *    |                  |                     | <- cache service ack  |
 *    | <- cache resp.   | <- cache response   |
 *
 * A node's key for a cache server is derived from its session, so that asking again gives the same one, and a connection
 * that exists goes on; and so is the key of its vouchers, from its name: vouchers are good after the DC has restarted.
 */
import { createHmac } from 'node:crypto';
import type { Random, Timers } from '../../core/runtime';
import type { Endpoint, VirtualAddresses } from '../../core/wire/addresses';
import { hex, type KeyPair } from '../../core/wire/keys';
import type { Body } from '../../core/wire/messages';
import { canonicalName } from '../../core/wire/names';
import { Refused } from '../../core/wire/outcomes';
import type { Signalling } from '../../core/wire/signalling';
import { sealVoucher, VOUCHED_PERMITS_LIMIT } from '../../core/wire/voucher';
import { within } from '../../core/wire/within';
import { labelsBelow } from '../names';
import type { NodeKeyStore } from '../store/store';
import type { NameCheck } from './name-check';
import type { Neighbours } from './neighbours';
import type { Permissions } from './permissions';
import type { Registered } from './registrations';
import type { ReportedServer, ServerReports } from './server-reports';

const ANSWER_MS = 1_000;

type Answer = Body<'cacheResponse'>;
/** Who wants to store something. */
export type CacheSender = NonNullable<Body<'cacheRequest'>['from']>;

export interface CacheServiceOptions {
  readonly zone: string;
  readonly identity: KeyPair;
  readonly signalling: Signalling<Endpoint>;
  readonly reports: ServerReports;
  readonly names: NameCheck;
  readonly neighbours: Neighbours;
  readonly permissions: Permissions;
  readonly nodeKeys: NodeKeyStore;
  /** The cache servers of this DC, by name. */
  readonly servers: readonly string[];
  readonly timers: Timers;
  readonly random: Random;
}

export class CacheService {
  constructor(private readonly options: CacheServiceOptions) {}

  /** A node's key, for when it is away. A disk that fails makes no login fail. */
  async learn(fqdn: string, publicKey: Uint8Array): Promise<void> {
    const { nodeKeys, zone } = this.options;
    const known = await nodeKeys.find(zone, fqdn);
    if (!known || Buffer.compare(known, publicKey) !== 0) await nodeKeys.put(zone, fqdn, publicKey);
  }

  /** Where is what was stored for this node? Throws Refused. */
  async own({ session }: Registered): Promise<Answer> {
    const { fqdn } = session;
    const server = this.serverOf(fqdn);
    const key = this.keyFor(session.peer.key.key, this.options.zone, fqdn);
    const ack = await this.announce(server, { fqdn, key, owner: this.ownerOf(fqdn, this.options.zone) });
    return { ...ack, key, voucherKey: this.voucherKey(fqdn) };
  }

  /** Where may this node store something for `target`? Throws Refused. */
  async forNode({ session, registration }: Registered, target: string): Promise<Answer> {
    const { neighbours, zone } = this.options;
    const { fqdn, publicKey, peer } = session;
    const { addresses } = registration;
    if (neighbours.isOwn(target)) {
      return this.forSender({ fqdn, publicKey, addresses, key: this.keyFor(peer.key.key, zone, fqdn) }, zone, target);
    }
    return neighbours.cache(target, (theirs) => ({
      ...{ fqdn, publicKey, addresses },
      key: this.keyFor(peer.key.key, theirs, fqdn),
    }));
  }

  /** Of this zone or of another one, whose DC has asked. Throws Refused. */
  async forSender(sender: CacheSender, senderZone: string, target: string): Promise<Answer> {
    const { names, nodeKeys, neighbours, permissions, zone, random } = this.options;
    if (!neighbours.isOwn(target)) throw new Refused('malformed');
    const fqdn = await names.nameOf(target);
    const publicKey = await nodeKeys.find(zone, fqdn);
    if (!publicKey) {
      await names.addressesOf(fqdn); // refuses with no-such-name what nobody owns
      throw new Refused('never-joined');
    }
    const { fqdn: from, key } = sender;
    const permits = permissions.of(fqdn, from, senderZone);
    if (permits?.length === 0 && fqdn !== from) throw new Refused('not-allowed');
    const owner = this.ownerOf(from, senderZone);
    const ack = await this.announce(this.serverOf(fqdn), { fqdn: from, key, owner, receiver: fqdn });
    const addresses: VirtualAddresses = sender.addresses;
    const voucher = {
      from,
      publicKey: sender.publicKey,
      addresses,
      to: fqdn,
      ...(permits && fqdn !== from && { permits: fewPermits(permits) }),
    };
    return {
      ...{ ...ack, key, correspondent: { fqdn, publicKey } },
      voucher: sealVoucher(voucher, this.voucherKey(fqdn), random),
    };
  }

  private async announce(server: ReportedServer, body: Body<'cacheServiceRequest'>): Promise<Body<'cacheServiceAck'>> {
    const { signalling, timers } = this.options;
    const request = signalling.request(server.peer, server.signalling, { name: 'cacheServiceRequest', body });
    const answer = await within(timers, ANSWER_MS, request).catch(() => undefined);
    if (answer?.name !== 'cacheServiceAck') throw new Refused('unavailable');
    return answer.body;
  }

  /** What is stored for a node is in one place, whichever cache servers are there now (rendezvous hashing). */
  private serverOf(fqdn: string): ReportedServer {
    const { servers, reports } = this.options;
    const weight = (name: string): string => hex(hmac(Buffer.from(name), 'ntmobile cache server of', fqdn));
    const [chosen] = [...servers].sort((a, b) => (weight(a) < weight(b) ? -1 : 1));
    const server = reports.alive('cs').find(({ peer }) => peer.name === chosen);
    if (!server) throw new Refused('unavailable');
    return server;
  }

  private ownerOf(fqdn: string, zone: string): string {
    const account = labelsBelow(zone, canonicalName(fqdn))?.at(-1);
    return account === undefined ? fqdn : `${account}.${zone}`;
  }

  private keyFor(sessionKey: Uint8Array, zone: string, fqdn: string): Uint8Array {
    return hmac(sessionKey, 'ntmobile cache key', `${zone} ${fqdn}`);
  }

  private voucherKey(fqdn: string): Uint8Array {
    return hmac(this.options.identity.secretKey, 'ntmobile voucher key', fqdn);
  }
}

function hmac(key: Uint8Array, purpose: string, about: string): Uint8Array {
  return new Uint8Array(createHmac('sha256', key).update(`${purpose} ${about}`).digest());
}

/** Of datagrams, as many as a voucher has room for; what is left out is not permitted. */
function fewPermits(permits: readonly string[]): string[] {
  return permits.filter((permit) => !permit.endsWith('/tcp')).slice(0, VOUCHED_PERMITS_LIMIT);
}
