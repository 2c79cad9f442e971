/**
 * A path between a node whose NAT gives every correspondent another port (RFC 4787: address and port-dependent mapping)
 * and one whose NAT does not, but lets nobody in who was not sent to. Neither knows the other's endpoint, so they look
 * for each other by number: the first opens many sockets, each with a mapping of its own, the second tries many ports.
 * With 256 of 64,512 ports open, 1,536 tries find one of them 99.8 times of 100.
 *
 * Within bounds: once for each introduction, toward public addresses that the DC named, for some seconds. What is sent
 * are sealed probes, which mean nothing to anybody else.
 */
import type { Random, Timer, Timers } from '../../runtime';
import type { Endpoint } from '../../wire/addresses';
import { scopeOf } from '../../wire/address-scope';
import type { Path, Via } from '../path';
import { encodeLeastProbe } from '../path-probe';
import type { Tunnel } from '../wireguard/tunnel';
import type { Mapping, Whereabouts } from './paths-contract';

const SOCKETS = 256;
const GUESSES = 1_536;
const LEAST_PORT = 1_024;
/** 640 packets a second. */
const BATCH = 16;
const BATCH_MS = 25;
/** Every socket holds its mapping while the other side guesses. */
const REPEATS_MS = [0, 700, 1_400, 2_100] as const;
const CLOSE_MS = 4_000;
/** Of the correspondent's endpoints. */
const TARGETS = 2;

export interface ScatterPorts {
  readonly timers: Timers;
  readonly random: Random;
  /** Of the NAT that this node is behind, if it is known. */
  mapping(): Mapping | undefined;
  /** Opens one more UDP socket, of which what arrives comes through the tunnel's module; undefined: none can be had. */
  openPort(family: 4 | 6): Promise<Via | undefined>;
}

export class Scatter {
  private readonly timers = new Set<Timer>();
  /** Also of earlier introductions, while packets go by them. */
  private vias: Via[] = [];
  private isDone = false;
  private introductions = 0;

  constructor(
    private readonly tunnel: Tunnel,
    private readonly ports: ScatterPorts,
    /** Whether packets go this way, or may. */
    private readonly isKept: (via: Via) => boolean,
  ) {}

  /** The DC has said anew where the correspondent is. */
  introduced(): void {
    this.introductions += 1;
    this.isDone = false;
    for (const timer of this.timers) timer.cancel();
    this.timers.clear();
    this.closeUnused();
  }

  /** Where there is need: just one of the two NATs has to give a new port to every correspondent. */
  begin({ mapping, endpoints }: Whereabouts): void {
    const own = this.ports.mapping();
    if (this.isDone || !mapping || !own || own === mapping) return;
    this.isDone = true;
    if (own === 'dependent') void this.openMany(endpoints);
    else this.guessMany(endpoints);
  }

  close(): void {
    this.introduced();
    for (const via of this.vias) via.close();
    this.vias = [];
  }

  /** This node's NAT gives every socket and correspondent another port. */
  private async openMany(endpoints: readonly Endpoint[]): Promise<void> {
    const targets = targetsOf(endpoints);
    if (targets.length === 0) return;
    const { introductions } = this;
    const ports = await Promise.all(Array.from({ length: SOCKETS }, () => this.ports.openPort(4)));
    const opened = ports.filter((via) => via !== undefined);
    if (introductions !== this.introductions) return opened.forEach((via) => via.close());
    this.vias.push(...opened);
    for (const delayMs of REPEATS_MS) this.later(delayMs, () => this.sendFromAll(targets));
    this.later(CLOSE_MS, () => this.closeUnused());
  }

  /** The correspondent's does: it is at one of these addresses, at some port. */
  private guessMany(endpoints: readonly Endpoint[]): void {
    const addresses = [...new Set(targetsOf(endpoints).map(({ address }) => address))];
    if (addresses.length === 0) return;
    for (let sent = 0, batch = 0; sent < GUESSES; sent += BATCH, batch++) {
      this.later(batch * BATCH_MS, () => {
        if (this.tunnel.path.kind === 'direct') return;
        for (let i = 0; i < BATCH; i++)
          this.probe({ kind: 'direct', endpoint: this.guess(addresses[i % addresses.length]!) });
      });
    }
  }

  /** Sockets that nothing goes by any more are closed. */
  private closeUnused(): void {
    for (const via of this.vias) if (!this.isKept(via)) via.close();
    this.vias = this.vias.filter((via) => this.isKept(via));
  }

  private sendFromAll(targets: readonly Endpoint[]): void {
    if (this.tunnel.path.kind === 'direct') return;
    for (const via of this.vias) for (const endpoint of targets) this.probe({ kind: 'direct', endpoint, via });
  }

  private guess(address: string): Endpoint {
    const [high, low] = this.ports.random.bytes(2);
    return { address, port: LEAST_PORT + (((high! << 8) | low!) % (65_536 - LEAST_PORT)) };
  }

  /** Nobody waits for the answer: whoever gets a probe tries the way it came. */
  private probe(path: Path): void {
    this.tunnel.sendControl(encodeLeastProbe(this.ports.random.bytes(8)), path);
  }

  private later(delayMs: number, action: () => void): void {
    const timer = this.ports.timers.schedule(delayMs, () => {
      this.timers.delete(timer);
      action();
    });
    this.timers.add(timer);
  }
}

/** Where NATs are: not in the node's own network, nor where there is IPv6. */
function targetsOf(endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints.filter(({ address }) => !address.includes(':') && scopeOf(address) === 'global').slice(0, TARGETS);
}
