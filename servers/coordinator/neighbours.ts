/**
 * The DCs of other zones (paper 2.2): found by the NS record of a name, proved by the key that the AS vouches for, and
 * spoken to under a key that this DC distributes to them (Figure 5 steps 3 to 8 and 14).
 *
 *   step 3    DNS: whose zone is it, where is its DC?      AS: which key has that DC?       both at once
 *   step 4    Key Distribution, in a box from this DC's own key; DC_CN asks the AS whose key that is
 *
 * DNS is asked as any resolver of the host would be, so that a zone can be delegated like every other. Where a zone is
 * not delegated, as in a network of its own, the AS knows where its DC is.
 */
import { isIP } from 'node:net';
import type { Clock, Random, Timers } from '../../core/runtime';
import type { Trace } from '../../core/trace';
import type { Endpoint, VirtualAddresses } from '../../core/wire/addresses';
import { canonicalIp } from '../../core/wire/ip-text';
import { KEY_LENGTH } from '../../core/wire/key-length';
import { agreedKey, sharedKey, type KeyPair } from '../../core/wire/keys';
import type { Body, Message, MessageName } from '../../core/wire/messages';
import { canonicalName } from '../../core/wire/names';
import { paperStep } from '../../core/wire/paper-step';
import { Refused, Unanswered } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import type { Context, Signalling } from '../../core/wire/signalling';
import { BoundedMap } from '../bounded-map';
import { isBelow, isLabel } from '../names';
import { RateLimit } from '../rate-limit';
import type { NameServers } from '../server-ports';
import { within } from '../../core/wire/within';
import type { AddressPool } from './address-pool';
import type { CacheSender } from './cache-service';
import type { Asker, CorrespondentSide, Information } from './residents';

/** A DC that moves is found after so long. */
const KNOWN_MS = 300_000;
const KNOWN_LIMIT = 1_024;
/** Three tries: MN waits meanwhile, and shall hear that the other DC is away. */
const ANSWER_MS = 1_750;
const TRIES = 3;
/** Anyone can claim to be a DC, and each claim costs a question to the AS: 20 at once, five a second. */
const CLAIMS = { burst: 20, refillMs: 200 };

export interface NeighboursOptions {
  readonly zone: string;
  readonly fqdn: string;
  readonly identity: KeyPair;
  readonly pool: AddressPool;
  readonly signalling: Signalling<Endpoint>;
  readonly accountServer: { readonly peer: Peer; readonly to: Endpoint };
  readonly nameServers: NameServers;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly trace: Trace;
  readonly part: string;
}

type Vouched = Body<'coordinatorResponse'>;

export class Neighbours {
  /** By zone. */
  private readonly known: BoundedMap<string, Promise<Neighbour>>;
  /** By address; of those that are no names. */
  private readonly zones: BoundedMap<string, string>;
  /** Other DCs' keys, by their FQDN: those that they have distributed, one at a time. */
  private readonly distributed: BoundedMap<string, { readonly peer: Peer; readonly zone: string }>;
  private readonly claims: RateLimit;

  constructor(private readonly options: NeighboursOptions) {
    const { clock, signalling } = options;
    this.known = new BoundedMap(clock, KNOWN_LIMIT, KNOWN_MS, (neighbour) => {
      neighbour.then(({ peer }) => signalling.removePeer(peer)).catch(() => {}); // there is none then
    });
    this.zones = new BoundedMap(clock, KNOWN_LIMIT, KNOWN_MS);
    this.distributed = new BoundedMap(clock, KNOWN_LIMIT, Infinity, ({ peer }) => signalling.removePeer(peer));
    this.claims = new RateLimit(clock, CLAIMS);
  }

  /** Whether a name or a virtual address is this DC's own. */
  isOwn(target: string): boolean {
    const { zone, pool } = this.options;
    return isIP(target) ? pool.holds(target) : isBelow(zone, canonicalName(target));
  }

  /** The DC of a name or virtual address. Throws Refused: no-such-name, unavailable. */
  async find(target: string, handover: boolean): Promise<CorrespondentSide> {
    const name = canonicalName(target);
    let neighbour = await this.neighbourOf(name, handover);
    return {
      zone: neighbour.zone,
      information: async (asked, { fqdn, publicKey }) => {
        const from = { fqdn, publicKey };
        try {
          return await this.information(neighbour, asked, from, handover);
        } catch (error) {
          if (!(error instanceof KeyForgotten)) throw error;
          neighbour = await this.meet(name, handover); // it has restarted: steps 3 to 5 again
          return this.information(neighbour, asked, from, handover);
        }
      },
      direct: (fqdn, direction) => this.direct(neighbour, { ...direction, target: fqdn }, handover),
    };
  }

  /** Where may this node of ours store something for that name? `sender` is told whose zone it is. Throws Refused. */
  async cache(target: string, sender: (zone: string) => CacheSender): Promise<Body<'cacheResponse'>> {
    const name = canonicalName(target);
    const askThere = async (neighbour: Neighbour): Promise<Body<'cacheResponse'>> => {
      const body = { target, from: sender(neighbour.zone) };
      const response = expect(await this.ask(neighbour, { name: 'cacheRequest', body }, TRIES), 'cacheResponse');
      // It speaks for its own zone, and for no other.
      if (!isBelow(neighbour.zone, response.correspondent?.fqdn ?? '')) throw new Refused('unavailable');
      return response;
    };
    try {
      return await askThere(await this.neighbourOf(name, false));
    } catch (error) {
      if (!(error instanceof KeyForgotten)) throw error;
      return askThere(await this.meet(name, false)); // it has restarted: steps 3 to 5 again
    }
  }

  /** The zone of another DC that speaks to this one. It speaks for its own nodes, and for no others. */
  zoneOf({ party, name }: Peer): string {
    const known = party === 'dc' ? this.distributed.get(name) : undefined;
    if (!known) throw new Refused('malformed');
    return known.zone;
  }

  /** Throws Refused when it does not speak for this node, or gives it an address of this DC's own. */
  checkOrigin(peer: Peer, fqdn: string, addresses?: VirtualAddresses): void {
    const isElsewhere = addresses && !this.holdsAny(addresses);
    if (!isBelow(this.zoneOf(peer), canonicalName(fqdn)) || isElsewhere === false) throw new Refused('malformed');
  }

  private holdsAny({ ipv4, ipv6 }: VirtualAddresses): boolean {
    return this.options.pool.holds(ipv4) || this.options.pool.holds(canonicalIp(ipv6));
  }

  /** Step 4, from another DC. Throws Refused when it is none. */
  async accept(
    { fqdn, publicKey, key }: Body<'keyDistribution'>,
    { peer, handover }: Context<Endpoint>,
  ): Promise<Message> {
    const { identity, signalling } = this.options;
    const name = canonicalName(fqdn);
    // Who made the box has the secret key to this public key; whose it is, only the AS can say.
    const boxed = agreedKey(identity, publicKey);
    if (Buffer.compare(boxed.id, peer.key.id) !== 0 || !isName(name)) throw new Refused('malformed');
    if (!this.claims.take('dc')) throw new Refused('unavailable');
    const vouched = await this.vouch(name);
    if (vouched.fqdn !== name || Buffer.compare(vouched.publicKey, publicKey) !== 0) throw new Refused('malformed');
    const shared = sharedKey(key, 1);
    if (signalling.holderOf(shared.id)) throw new Refused('malformed');
    const met = paperStep('keyDistribution', { from: 'dc', to: 'dc', response: false, handover })!;
    const { part, trace } = this.options; // from whom it is, is known only now
    trace({ part, event: 'receive', message: 'Key Distribution', peer: name, figure: met.figure, step: met.step });
    signalling.addPeer({ key: boxed, party: 'dc', name }); // from now on a repeated box is known to be one
    this.distributed.delete(name);
    this.distributed.set(name, { peer: signalling.addPeer({ key: shared, party: 'dc', name }), zone: vouched.zone });
    return { name: 'keyDistributionAck', body: {} };
  }

  private async neighbourOf(name: string, handover: boolean): Promise<Neighbour> {
    if (!isIP(name) && !isName(name)) throw new Refused('no-such-name');
    const known = this.zonesOf(name).map((zone) => this.known.get(zone));
    return known.find((each) => each !== undefined) ?? this.meet(name, handover);
  }

  private async information(
    neighbour: Neighbour,
    target: string,
    from: Omit<Asker, 'zone'>,
    handover: boolean,
  ): Promise<Information> {
    const request: Message = { name: 'ntmInformationRequest', body: { target, from }, handover };
    const answer = await this.ask(neighbour, request, TRIES);
    const information = expect(answer, 'ntmInformationResponse');
    // It speaks for its own zone, and for no other.
    if (!isBelow(neighbour.zone, information.fqdn) || this.holdsAny(information.addresses))
      throw new Refused('unavailable');
    return information;
  }

  private async direct(neighbour: Neighbour, body: Body<'routeDirection'>, handover: boolean): Promise<Endpoint> {
    const answer = await this.ask(neighbour, { name: 'routeDirection', body, handover });
    const { observed } = expect(answer, 'routeDirectionAck');
    if (!observed) throw new Refused('unavailable');
    return observed;
  }

  private async ask({ zone, peer, endpoint }: Neighbour, message: Message, tries?: number): Promise<Message> {
    try {
      return await this.options.signalling.request(peer, endpoint, message, { tries });
    } catch (error) {
      if (error instanceof Refused) throw error;
      this.known.delete(zone); // it has restarted, or moved: found anew the next time
      throw error instanceof Unanswered && error.keyUnknown ? new KeyForgotten() : new Refused('unavailable');
    }
  }

  private zonesOf(name: string): string[] {
    const zone = this.zones.get(name);
    return zone === undefined ? parents(name) : [zone];
  }

  private async meet(target: string, handover: boolean): Promise<Neighbour> {
    const [vouched, delegation] = await Promise.all([this.vouch(target), this.delegationOf(target, handover)]);
    const { zone } = vouched;
    if (isIP(target)) this.zones.set(target, zone);
    const already = this.known.get(zone); // by another question meanwhile
    if (already) return already;
    const neighbour = this.introduce(vouched, delegation, handover);
    this.known.set(zone, neighbour);
    neighbour.catch(() => this.known.delete(zone));
    return neighbour;
  }

  /** Steps 4 and 5. */
  private async introduce(
    vouched: Vouched,
    { servers, coordinator, addresses }: Delegation,
    handover: boolean,
  ): Promise<Neighbour> {
    const { fqdn, identity, random, timers, signalling } = this.options;
    const isDelegated = servers.includes(vouched.fqdn) && coordinator === vouched.fqdn;
    // Of the IP version that it told the AS: there it surely hears DCs.
    const own = addresses.find((each) => isIP(each) === isIP(vouched.endpoint.address)) ?? addresses[0];
    const address = isDelegated ? own : undefined;
    const endpoint = address === undefined ? vouched.endpoint : { ...vouched.endpoint, address };
    const key = random.bytes(KEY_LENGTH);
    const message: Message = { name: 'keyDistribution', body: { fqdn, publicKey: identity.publicKey, key }, handover };
    const pinned = { publicKey: vouched.publicKey, party: 'dc' as const, name: vouched.fqdn };
    const { answer } = signalling.firstContact(endpoint, message, identity, pinned);
    const acknowledged = await within(timers, ANSWER_MS, answer).catch(() => undefined);
    if (acknowledged?.name !== 'keyDistributionAck') throw new Refused('unavailable');
    const peer = signalling.addPeer({ key: sharedKey(key, 0), party: 'dc', name: vouched.fqdn });
    return { zone: vouched.zone, peer, endpoint };
  }

  /** Throws Refused: no-such-name, when no DC of this network has it. */
  private async vouch(target: string): Promise<Vouched> {
    const { signalling, accountServer } = this.options;
    try {
      const request: Message = { name: 'coordinatorRequest', body: { target } };
      const vouched = expect(
        await signalling.request(accountServer.peer, accountServer.to, request),
        'coordinatorResponse',
      );
      return { ...vouched, fqdn: canonicalName(vouched.fqdn), zone: canonicalName(vouched.zone) };
    } catch (error) {
      throw error instanceof Unanswered ? new Refused('unavailable') : error;
    }
  }

  /** Step 3. The names of nodes are no zones themselves, but some parent of theirs is. */
  private async delegationOf(target: string, handover: boolean): Promise<Delegation> {
    const { nameServers, trace, part } = this.options;
    const paper = handover ? ({ figure: 7, step: 12 } as const) : ({ figure: 5, step: 3 } as const);
    const none: Delegation = { servers: [], coordinator: '', addresses: [] };
    if (isIP(target)) return none;
    for (const zone of parents(target)) {
      trace({ part, event: 'ask for name servers', zone, ...paper });
      // A DC's name is known once its zone is (the AS's registry has no others): one trip, not two.
      const coordinator = `dc.${zone}`;
      const [servers, addresses] = await Promise.all([
        nameServers.of(zone).catch(() => []),
        nameServers.addresses(coordinator).catch(() => []),
      ]);
      if (servers.length === 0) continue;
      trace({ part, event: 'name servers', zone, servers, ...paper });
      return { servers: servers.map(canonicalName), coordinator, addresses };
    }
    return none;
  }
}

/** What DNS says of a zone. */
interface Delegation {
  readonly servers: readonly string[];
  /** The name that a DC of this zone has, and its addresses. */
  readonly coordinator: string;
  readonly addresses: readonly string[];
}

/** A DC that has restarted, as it says. */
class KeyForgotten extends Refused {
  constructor() {
    super('unavailable');
  }
}

/** A DC that has a key of ours. */
interface Neighbour {
  readonly zone: string;
  readonly peer: Peer;
  readonly endpoint: Endpoint;
}

function parents(name: string): string[] {
  const labels = name.split('.');
  return labels.slice(1, -1).map((_, i) => labels.slice(i + 1).join('.'));
}

function isName(name: string): boolean {
  return name.includes('.') && name.split('.').every(isLabel);
}

function expect<N extends MessageName>(message: Message, name: N): Body<N> {
  if (message.name !== name) throw new Refused('unavailable');
  return message.body;
}
