/**
 * CS, the cache server (paper 2.5). It reports itself to its DC; it does not cache yet, so whatever else arrives here
 * is counted and dropped.
 */
import type { Endpoint } from '../../core/wire/addresses';
import { agreedKey, type KeyPair } from '../../core/wire/keys';
import type { Peer } from '../../core/wire/peers';
import { Signalling } from '../../core/wire/signalling';
import type { ServerMachine, ServerPorts, TrustedServer } from '../server-ports';

export interface CacheServerOptions {
  readonly identity: KeyPair;
  readonly name: string;
  readonly coordinator: TrustedServer;
}

export class CacheServer implements ServerMachine {
  readonly signalling: Signalling<Endpoint>;
  readonly coordinator: Peer;
  readonly load = 0;

  constructor({ identity, name, coordinator }: CacheServerOptions, ports: ServerPorts) {
    this.signalling = new Signalling({ party: 'cs', part: name, identity, ...ports });
    this.coordinator = this.signalling.addPeer({ ...coordinator, key: agreedKey(identity, coordinator.publicKey) });
  }

  receive(datagram: Uint8Array, from: Endpoint): void {
    this.signalling.receive(datagram, from);
  }

  close(): void {
    this.signalling.close();
  }
}
