/**
 * Carries connections between ports of a node and ports of the host, rule by rule.
 *
 *   in    virtual listener -> connect to the host's server
 *   out   host's listener  -> look the name up, reach its node, connect to its virtual port
 *
 * Datagrams are carried by datagrams.ts.
 */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { TcpConnection } from '../../core/packet/stack/stack-contract';
import type { Clock, Timers } from '../../core/runtime';
import type { VirtualNetwork } from '../../core/virtual-network';
import type { Endpoint } from '../../core/wire/addresses';
import { DatagramForward } from './datagrams';
import type { InRule, OutRule, Rule } from './rules';
import { Splice, type SpliceEnd, type SpliceFailure } from '../../core/splice';

/** As many as that at once, of all rules together; each may hold a window of memory. */
const MOST_CONNECTIONS = 4_096;
const BACKLOG = 511; // Node's own default

export interface RuleCounts {
  /** Connections that were accepted, or flows of datagrams, and those of them that are open. */
  accepted: number;
  open: number;
  /** Ended by an error or a reset of one side, by its code. */
  failed: Record<string, number>;
  /** Bytes from the network to the host, and back. */
  bytesIn: number;
  bytesOut: number;
}

export interface ForwarderOptions {
  readonly network: VirtualNetwork;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly rules: readonly Rule[];
  /** Told once for each reason in a row, so that a server that is away does not fill a log. */
  onFailure(rule: Rule, failure: SpliceFailure): void;
  readonly mostConnections?: number;
  /** Of datagrams, of each rule. */
  readonly mostFlows?: number;
}

interface Carried {
  readonly rule: Rule;
  readonly counts: RuleCounts;
  lastFailure: string | undefined;
  listener?: { close(): void };
  listening?: Endpoint;
}

export class Forwarder {
  readonly #rules: readonly Carried[];
  readonly #open = new Set<Splice>();

  constructor(private readonly options: ForwarderOptions) {
    this.#rules = options.rules.map((rule) => ({
      rule,
      counts: { accepted: 0, open: 0, failed: {}, bytesIn: 0, bytesOut: 0 },
      lastFailure: undefined,
    }));
  }

  /** Rejects when a port cannot be listened on; nothing listens then. */
  async start(): Promise<void> {
    try {
      for (const carried of this.#rules) {
        if (carried.rule.protocol === 'udp') await this.#listenForDatagrams(carried);
        else if (carried.rule.way === 'in') this.#listenInside(carried, carried.rule);
        else await this.#listenOutside(carried, carried.rule);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** In the order of the rules: where each listens in truth, and what it carried. */
  counts(): { rule: Rule; listening: Endpoint | undefined; counts: RuleCounts }[] {
    return this.#rules.map(({ rule, counts, listening }) => ({ rule, counts, listening }));
  }

  /** Connections that are open are reset. */
  close(): void {
    for (const { listener } of this.#rules) listener?.close();
    for (const splice of [...this.#open]) splice.reset();
  }

  async #listenForDatagrams(carried: Carried): Promise<void> {
    const { network, clock, timers, mostFlows } = this.options;
    const { forward, listening } = await DatagramForward.open(carried.rule, {
      ...{ network, clock, timers, counts: carried.counts },
      ...(mostFlows && { mostFlows }),
      onFailure: (failure) => this.#failed(carried, failure),
    });
    carried.listener = forward;
    carried.listening = listening;
  }

  #listenInside(carried: Carried, { port, to }: InRule): void {
    const accept = (connection: TcpConnection): void => {
      const host = connect({ host: to.address, port: to.port, allowHalfOpen: true });
      this.#splice(carried, host).accept(connection);
    };
    const listener = this.options.network.listenTcp({ address: '::', port, backlog: BACKLOG }, accept);
    carried.listener = listener;
    carried.listening = listener.local;
  }

  async #listenOutside(carried: Carried, { listen, to }: OutRule): Promise<void> {
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    server.on('connection', (host) => void this.#reach(this.#splice(carried, host), to));
    await new Promise<void>((listening, failed) => {
      server.once('error', failed);
      server.listen({ host: listen.address, port: listen.port, exclusive: true }, () => {
        server.off('error', failed);
        // Too many open files, say: those connections wait in the kernel, and the next may pass.
        server.on('error', (error) => this.#failed(carried, { side: 'host', error }));
        listening();
      });
    });
    carried.listener = server;
    carried.listening = server.address() as AddressInfo;
  }

  async #reach(splice: Splice, to: Endpoint): Promise<void> {
    const { network } = this.options;
    try {
      const address = network.isVirtualAddress(to.address) ? to.address : (await network.lookup(to.address)).ipv4;
      await network.reach(address);
      if (!splice.isOver) splice.connect(network.connectTcp({ remote: { address, port: to.port } }, splice));
    } catch (error) {
      splice.reset({ side: 'virtual', error: error as Error });
    }
  }

  #splice(carried: Carried, host: Socket): Splice {
    const { counts } = carried;
    const splice = new Splice(host, (end) => this.#ended(carried, splice, end));
    counts.accepted++;
    counts.open++;
    this.#open.add(splice);
    const most = this.options.mostConnections ?? MOST_CONNECTIONS;
    if (this.#open.size > most) {
      const error = Object.assign(new Error(`more than ${most} connections at once`), { code: 'TOO_MANY' });
      splice.reset({ side: 'host', error });
    }
    return splice;
  }

  #ended(carried: Carried, splice: Splice, { failure, bytesIn, bytesOut }: SpliceEnd): void {
    const { counts } = carried;
    this.#open.delete(splice);
    counts.open--;
    counts.bytesIn += bytesIn;
    counts.bytesOut += bytesOut;
    if (failure) this.#failed(carried, failure);
    else carried.lastFailure = undefined;
  }

  #failed(carried: Carried, failure: SpliceFailure): void {
    const reason = failure.error.code ?? failure.error.message;
    const { failed } = carried.counts;
    failed[reason] = (failed[reason] ?? 0) + 1;
    if (carried.lastFailure === reason) return;
    carried.lastFailure = reason;
    this.options.onFailure(carried.rule, failure);
  }
}
