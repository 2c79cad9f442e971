/**
 * The two hosts of the bench, in the lab of the tests (test/support/handover-lab): a mobile one with four access networks,
 * and a correspondent with a public address of each IP version, which has a second such network to move to.
 */
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const dist = join(import.meta.dirname, '..', '..', 'dist');
const require = createRequire(import.meta.url);
const lab = (name) => require(join(dist, 'test/support', name));
const { HandoverLab } = lab('handover-lab/handover-lab.js');
const { wifi, lte, wired, ipv6Only } = lab('handover-lab/accesses.js');
export const { fqdnOf } = lab('nat-lab/nat-lab.js');
const { placeOf } = lab('nat-lab/places.js');

const home = { name: 'home', place: placeOf('dual'), delayMs: 1, metric: 100 };
const away = { name: 'away', place: placeOf('dual'), delayMs: 5, metric: 200 };
/** The metric of a route that comes after all others. */
const LAST = 1_000;
const ACCESSES = [wifi, lte, wired, ipv6Only];

/** From the mobile host in one of its networks to the correspondent and back. */
export const roundTripMs = (network) => 2 * (ACCESSES.find(({ name }) => name === network).delayMs + home.delayMs);

export class World {
  #lab = new HandoverLab();
  #joined = [];
  #left = [];
  #moved = [];
  #closing = [];
  #trace;

  /** `trace`: a directory for the traces of ntmobile's nodes. */
  constructor({ trace } = {}) {
    this.#trace = trace;
    if (trace) mkdirSync(trace, { recursive: true });
  }

  /** The correspondent is at home, the mobile host in these networks. */
  async start(networks) {
    this.mobile = await this.#lab.mobileHost('mobile', ACCESSES);
    this.correspondent = await this.#lab.mobileHost('corresp', [home, away]);
    this.correspondent.join('home');
    for (const network of networks) this.mobile.join(network);
    await this.#lab.startServers();
  }

  /** IPv4, IPv6. */
  get addressesOfCorrespondent() {
    return this.correspondent.addresses('home');
  }

  /** The variables of an ntmobile node on one of the hosts. */
  settingsOf(host, node) {
    const trace = this.#trace && { NTMOBILE_TRACE: join(this.#trace, `${fqdnOf(node)}.ndjson`) };
    return { ...this.#lab.settingsOf(host, node), ...trace };
  }

  /** The mobile host leaves a network, joins one, or leaves one for another; then who has asked is told. */
  change({ leave, how, join }) {
    if (leave && join && !how) this.mobile.change(leave, join);
    else {
      if (leave) this.mobile.leave(leave, how);
      if (join) this.mobile.join(join);
    }
    if (how === 'silent') return;
    if (join) for (const hear of this.#joined) hear(join);
    for (const hear of this.#moved) hear();
    if (leave) for (const hear of this.#left) hear(leave);
  }

  /** The network's default route comes after those of all others. */
  prefersOthersTo(network) {
    this.mobile.setMetric(network, LAST);
    for (const hear of this.#moved) hear();
  }

  /** `hear` is called with each network that the mobile host is in, and with those that it joins. */
  onJoined(hear) {
    this.mobile.joined.forEach(hear);
    this.#joined.push(hear);
  }

  onLeft(hear) {
    this.#left.push(hear);
  }

  /** `hear` is called when the network by which the mobile host sends may have changed. */
  onMoved(hear) {
    this.#moved.push(hear);
  }

  onClose(close) {
    this.#closing.push(close);
  }

  async close() {
    for (const close of this.#closing) close();
    const left = await this.#lab.close();
    for (const line of left) process.stderr.write(`${line}\n`);
  }
}
