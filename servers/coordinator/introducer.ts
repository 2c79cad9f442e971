/**
 * Figure 5, as DC_MN does it. CN is of this DC's own zone, or of another's; then DC_CN does steps 9 to 13:
 *
 *   MN                    DC_MN                        DC_CN               NS                 CN
 *    | 2 direction request->| 3 NS record of CN's name    |                  |                  |
 *    |                      | 4 key distribution -------> |                  |                  |
 *    |                      | <-- 5 key distribution ack  |                  |                  |
 *    |                      | 6 NTM information request-> |                  |                  |
 *    |                      | <- 7 NTM information resp.  |                  |                  |
 *    |                      | 8 route direction --------> | 9 notification-> | 10 notification->|
 *    |                      |                             | <------------- 11 notification ack  |
 *    |                      |                             | 12 route direction ---------------> |
 *    |                      |                             | <----------- 13 route direction ack |
 *    |                      | <---------- 14 route direction ack                                |
 *    | <-15 route direction |
 *    | 16 ack ------------> |
 *
 * CN first, so that it is ready when MN starts. When neither is known to reach the other, a relay path is asked for
 * (Figure 7 steps 17 and 18) before step 8.
 */
import type { Random } from '../../core/runtime';
import { sameEndpoint, type Endpoint } from '../../core/wire/addresses';
import type { Body } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Situation } from './candidates';
import { accessesOf, chooseDirection } from './direction';
import type { Introductions } from './introductions';
import type { Neighbours } from './neighbours';
import type { Permissions } from './permissions';
import type { Registered } from './registrations';
import type { RelayUser } from './relay-choice';
import type { RelaySide, Relays } from './relays';
import type { CorrespondentSide, Information, Residents } from './residents';

interface Parts {
  readonly residents: Residents;
  readonly neighbours: Neighbours;
  readonly introductions: Introductions;
  readonly relays: Relays;
  readonly permissions: Permissions;
  readonly random: Random;
}

/** What one of the two is told of the way to the other. */
interface Way {
  readonly turn: 'request' | 'await';
  readonly endpoints: readonly Endpoint[];
  readonly relay?: RelaySide;
  /** Of the other. */
  readonly mapping: Body<'routeDirection'>['mapping'];
}

interface RouteDirection {
  readonly name: 'routeDirection';
  readonly body: Body<'routeDirection'>;
}

export class Introducer {
  constructor(private readonly parts: Parts) {}

  /** Steps 2 to 15: what MN is answered. Throws Refused. */
  async direct(mn: Registered, target: string, handover: boolean): Promise<RouteDirection> {
    const { random, permissions, residents } = this.parts;
    const side = await this.sideOf(target, handover);
    const { fqdn, publicKey } = mn.session;
    const cn = await side.information(target, { fqdn, publicKey, zone: residents.zone }, handover);
    // A node reaches itself without a tunnel, by its own stack; there is nothing to introduce.
    if (cn.fqdn === fqdn) throw new Refused('no-route', mn.registration.addresses);
    const [ofMn, ofCn] = await this.ways(mn, cn, handover);
    const common = { directionId: random.bytes(8), presharedKey: this.presharedKey(mn, cn) };
    const towardsCn = directionOf(common, ofCn, { fqdn, publicKey, addresses: mn.registration.addresses });
    const observed = await side.direct(cn.fqdn, towardsCn, { mnZone: residents.zone, handover });
    const correspondent = { fqdn: cn.fqdn, publicKey: cn.publicKey, addresses: cn.addresses };
    const body = directionOf(common, ofMn, correspondent);
    body.endpoints = body.endpoints.map((endpoint) => (sameEndpoint(endpoint, cn.observed) ? observed : endpoint));
    // What CN may reach at MN, through the same tunnel.
    const permits = permissions.tell(fqdn, cn.fqdn, side.zone);
    if (permits) body.permits = [...permits];
    return { name: 'routeDirection', body };
  }

  private async sideOf(target: string, handover: boolean): Promise<CorrespondentSide> {
    const { residents, neighbours } = this.parts;
    return neighbours.isOwn(target) ? residents : neighbours.find(target, handover);
  }

  /** Both DCs may introduce the two at once: the key is that of the DC of the name that comes first. */
  private presharedKey({ session }: Registered, cn: Information): Uint8Array {
    if (cn.fqdn < session.fqdn) return cn.presharedKey;
    return this.parts.introductions.presharedKey(session.publicKey, cn.publicKey);
  }

  private async ways(mn: Registered, cn: Information, handover: boolean): Promise<[ofMn: Way, ofCn: Way]> {
    const { relays } = this.parts;
    const ofMn = situation(mn);
    const ofCn: Situation = { observed: [cn.observed], host: cn.host, route: cn.route, reach: cn.reach };
    const sides = [ofMn, ofCn].map((side) => ({ accesses: accessesOf(side), rtts: side.reach?.relays }));
    // A tunnel that may have a relay, of the other's DC or one that drains, keeps it rather than to try its luck.
    const direction = chooseDirection(ofMn, ofCn, {
      hasRelay: handover || relays.serve(sides),
      areNamed: relays.areNamed,
    });
    if (direction.route === 'none') throw new Refused('no-route', cn.addresses);
    const toCn = { endpoints: direction.endpointsOfCn, mapping: cn.reach?.mapping };
    const toMn = { endpoints: direction.endpointsOfMn, mapping: ofMn.reach?.mapping };
    if (direction.route === 'direct') {
      const { requester } = direction;
      return [
        { ...toCn, turn: requester === 'cn' ? 'await' : 'request' },
        { ...toMn, turn: requester === 'mn' ? 'await' : 'request' },
      ];
    }
    const canTryWithout = toCn.endpoints.length > 0 && toMn.endpoints.length > 0 && !handover && !relays.areDraining;
    const paths = await this.relayPaths(mn, cn, sides, canTryWithout, handover);
    // None has room: both try at once whether the other's NAT takes it for an answer.
    if (!paths) return [{ ...toCn, turn: 'request' } as const, { ...toMn, turn: 'request' } as const];
    // CN is told first and binds its side at once; MN's Tunnel Request then finds it bound.
    return [
      { ...toCn, turn: 'request', relay: paths[0] },
      { ...toMn, turn: 'await', relay: paths[1] },
    ];
  }

  /** `canTryWithout`: undefined, instead of a refusal, when no RS has room. */
  private async relayPaths(
    mn: Registered,
    cn: Information,
    sides: readonly RelayUser[],
    canTryWithout: boolean,
    handover: boolean,
  ): Promise<readonly [mn: RelaySide, cn: RelaySide] | undefined> {
    try {
      return await this.parts.relays.pathFor(mn.session.fqdn, cn.fqdn, sides, handover);
    } catch (error) {
      if (canTryWithout && error instanceof Refused && error.refusal === 'no-route') return undefined;
      throw error;
    }
  }
}

/** Field by field: spread into each other they would take 15 µs of a direction. */
function directionOf(
  { directionId, presharedKey }: { directionId: Uint8Array; presharedKey: Uint8Array },
  { turn, endpoints, relay, mapping }: Way,
  correspondent: Body<'routeDirection'>['correspondent'],
): Body<'routeDirection'> {
  const body: Body<'routeDirection'> = { directionId, turn, correspondent, endpoints: [...endpoints], presharedKey };
  if (relay) body.relay = relay;
  if (mapping) body.mapping = mapping;
  return body;
}

function situation({ registration: { observed, host, route, reach } }: Registered): Situation {
  return { observed: [observed], host, route, reach };
}
