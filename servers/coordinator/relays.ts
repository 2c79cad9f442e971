/** The DC's side of the RS (paper 2.4): a path for two nodes that cannot reach each other (Figure 7 steps 17 and 18). */
import type { Clock, Random, Timers } from '../../core/runtime';
import { type Endpoint, familyOf } from '../../core/wire/addresses';
import { RELAYS_LIMIT } from '../../core/wire/fields';
import { KEY_LENGTH } from '../../core/wire/key-length';
import type { Body, Message } from '../../core/wire/messages';
import { Refused } from '../../core/wire/outcomes';
import type { Signalling } from '../../core/wire/signalling';
import { within } from '../../core/wire/within';
import { BoundedMap } from '../bounded-map';
import { labelsBelow } from '../names';
import { RelayChoice, relayName, serves, type RelayUser } from './relay-choice';
import type { ReportedServer, ServerReports } from './server-reports';

/** An RS that has not answered two tries by then is passed over, and left alone for a while (relay-choice.ts). */
const ANSWER_MS = 700;

/** Less than it takes a node to find that an RS is silent. */
const SAME_MS = 3_000;
const PAIRS_LIMIT = 16_384;
/** A registration's answer has so much room for RSs; an endpoint takes so much beside its address. */
const NAMED_BYTES = 640;
const ENDPOINT_BYTES = 24;

/** What one of the two nodes is told of a path. */
export type RelaySide = NonNullable<Body<'routeDirection'>['relay']>;

export class Relays {
  /** By the names of MN and CN. */
  private readonly recent: BoundedMap<string, Promise<readonly [mn: RelaySide, cn: RelaySide]>>;
  private readonly choice: RelayChoice;

  constructor(
    private readonly signalling: Signalling<Endpoint>,
    private readonly reports: ServerReports,
    private readonly zone: string,
    private readonly ports: { readonly clock: Clock; readonly timers: Timers; readonly random: Random },
  ) {
    this.recent = new BoundedMap(ports.clock, PAIRS_LIMIT, SAME_MS);
    this.choice = new RelayChoice(ports.clock, ports.random);
  }

  /**
   * It is on MN's account. Both may ask for each other at once, as when they lose an RS: they are given the same path.
   * Refuses with no-route when no RS has room, or with relay-quota.
   */
  async pathFor(
    mn: string,
    cn: string,
    sides: readonly RelayUser[],
    handover: boolean,
  ): Promise<readonly [mn: RelaySide, cn: RelaySide]> {
    const asked = this.recent.get(`${cn} ${mn}`);
    if (asked) {
      const [ofCn, ofMn] = await asked;
      return [ofMn, ofCn];
    }
    const path = this.allocate([mn, cn], sides, handover);
    this.recent.set(`${mn} ${cn}`, path);
    path.catch(() => this.recent.delete(`${mn} ${cn}`));
    return path;
  }

  /** Whether there is an RS that both can use, though perhaps without room. */
  serve(sides: readonly RelayUser[]): boolean {
    return this.reports.alive('rs').some((server) => serves(server, sides));
  }

  /** Some tunnels still go by an RS that gives no new paths. */
  get areDraining(): boolean {
    return this.reports.alive('rs').some(({ draining }) => draining);
  }

  /** Whether nodes are told of any. */
  get areNamed(): boolean {
    return this.reports.alive('rs').some(({ draining, endpoints }) => !draining && endpoints.length > 0);
  }

  /** Where a node may look at itself from: some of the RSs, always the same ones for one node, in the same order. */
  namedTo(fqdn: string): NonNullable<Body<'registrationResponse'>['relays']> {
    const alive = this.reports.alive('rs').filter(({ draining, endpoints }) => !draining && endpoints.length > 0);
    alive.sort((a, b) => (a.peer.name < b.peer.name ? -1 : 1));
    const first =
      alive.length > RELAYS_LIMIT ? [...fqdn].reduce((sum, c) => sum + c.charCodeAt(0), 0) % alive.length : 0;
    const named: { name: string; endpoints: Endpoint[] }[] = [];
    let bytes = 0;
    for (const server of [...alive.slice(first), ...alive.slice(0, first)]) {
      const endpoints = ([4, 6] as const).flatMap((f) => server.endpoints.find((e) => familyOf(e) === f) ?? []);
      bytes += endpoints.reduce(
        (sum, { address }) => sum + ENDPOINT_BYTES + address.length,
        relayName(server).length + 20,
      );
      if (named.length === RELAYS_LIMIT || bytes > NAMED_BYTES) break;
      named.push({ name: relayName(server), endpoints });
    }
    return named;
  }

  /** A node, or an account and all below it, may use relays no more, e.g. because it is revoked: its paths end. */
  async releaseOf(fqdn: string): Promise<void> {
    const message: Message = { name: 'relayWithdrawal', body: { fqdn } };
    const asked = this.reports.alive('rs').map((rs) => this.signalling.request(rs.peer, rs.signalling, message));
    await Promise.allSettled(asked); // one that does not answer has, most likely, no paths either
  }

  private async allocate(
    nodes: [mn: string, cn: string],
    sides: readonly RelayUser[],
    handover: boolean,
  ): Promise<readonly [mn: RelaySide, cn: RelaySide]> {
    const owner = labelsBelow(this.zone, nodes[0])?.at(-1) ?? nodes[0];
    const keys = [this.ports.random.bytes(KEY_LENGTH), this.ports.random.bytes(KEY_LENGTH)];
    for (const server of this.choice.order(this.reports.alive('rs'), sides)) {
      const answer = await this.ask(server, { name: 'relayDirection', body: { owner, keys, nodes }, handover });
      if (!answer) continue;
      this.choice.gave(server);
      const { pathId, endpoints, streams } = answer;
      const [mn, cn] = keys.map((key) => ({ pathId, endpoints, key, ...(streams && { streams }) }));
      return [mn!, cn!];
    }
    throw new Refused('no-route');
  }

  private async ask(server: ReportedServer, message: Message): Promise<Body<'relayDirectionAck'> | undefined> {
    try {
      const request = this.signalling.request(server.peer, server.signalling, message);
      const answer = await within(this.ports.timers, ANSWER_MS, request);
      if (!answer) this.choice.failed(server);
      return answer?.name === 'relayDirectionAck' ? answer.body : undefined;
    } catch (error) {
      if (error instanceof Refused && error.refusal === 'relay-quota') throw error;
      // Refused: it is full, which its next report will say; until then others are asked first.
      this.choice.failed(server);
      return undefined;
    }
  }
}
