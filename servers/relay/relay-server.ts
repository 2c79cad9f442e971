/**
 * RS, the relay server (paper 2.4). It reports itself to its DC; it does not relay yet: no direction names it,
 * so whatever else arrives here is counted and dropped.
 */
import type { Endpoint } from '../../core/wire/addresses';
import { agreedKey, type KeyPair } from '../../core/wire/keys';
import type { Peer } from '../../core/wire/peers';
import { Signalling } from '../../core/wire/signalling';
import type { ServerMachine, ServerPorts, TrustedServer } from '../server-ports';

export interface RelayServerOptions {
  readonly identity: KeyPair;
  readonly name: string;
  readonly coordinator: TrustedServer;
}

export class RelayServer implements ServerMachine {
  readonly signalling: Signalling<Endpoint>;
  readonly coordinator: Peer;
  readonly load = 0;

  constructor({ identity, name, coordinator }: RelayServerOptions, ports: ServerPorts) {
    this.signalling = new Signalling({ party: 'rs', part: name, identity, ...ports });
    this.coordinator = this.signalling.addPeer({ ...coordinator, key: agreedKey(identity, coordinator.publicKey) });
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    this.signalling.receive(datagram, from);
  }

  close(): void {
    this.signalling.close();
  }
}
