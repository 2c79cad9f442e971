/** What every server machine is given. host.ts gives the real ones, tests an in-memory network on a virtual clock. */
import type { Clock, Random, Timers } from '../core/runtime';
import type { Trace } from '../core/trace';
import type { Endpoint } from '../core/wire/addresses';
import type { Party } from '../core/wire/messages';
import type { Handled } from '../core/wire/signalling';

export interface ServerPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly trace: Trace;
  /** See transaction-clock.ts. */
  transactionTimeMs?(): number;
  /** For metrics and logs. */
  onHandled?(handled: Handled): void;
  transmit(datagram: Uint8Array, to: Endpoint): void;
}

/** A server as the host sees it. */
export interface ServerMachine {
  receive(datagram: Uint8Array, from: Endpoint): void;
  /** The TLS connection that datagrams from there came over has ended. `from`: the very object that they came with. */
  streamEnded?(from: Endpoint): void;
  /** What it keeps is on disk when this resolves. */
  close(): void | Promise<void>;
}

/** Another server of the network, by the key it must prove to hold. */
export interface TrustedServer {
  readonly party: Exclude<Party, 'node'>;
  readonly name: string;
  readonly publicKey: Uint8Array;
}

/** DNS as the host's resolver answers it. Both reject, or give nothing, when there is no answer. */
export interface NameServers {
  /** The names in the NS records of a zone. */
  of(zone: string): Promise<readonly string[]>;
  /** The addresses of a server's name, best first. */
  addresses(name: string): Promise<readonly string[]>;
}
