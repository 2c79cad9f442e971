/** The network as seen by a program whose settings are wrong: virtual names fail, and the error says what to mend. */
import { NtmError } from './errors';
import type { Namespace } from './namespace';
import type { TcpListener, UdpSocket } from './packet/stack/stack-contract';
import type { KnownNetwork, VirtualNetwork } from './virtual-network';

export class Unjoined implements VirtualNetwork {
  readonly addresses = undefined;

  constructor(
    private readonly namespace: Namespace,
    readonly loginError: Error,
  ) {
    namespace.settle();
  }

  known(): KnownNetwork {
    return this.namespace.known();
  }

  classifyName(name: string): 'virtual' | 'host' | 'undecided' {
    return this.namespace.classifyName(name);
  }

  whenDecided(): Promise<void> {
    return this.namespace.whenDecided();
  }

  isVirtualAddress(): boolean {
    return false;
  }

  isUndecidedAddress(address: string): boolean {
    return this.namespace.isUndecidedAddress(address);
  }

  prefixLengthOf(): undefined {
    return undefined;
  }

  lookup(): Promise<never> {
    return Promise.reject(this.loginError);
  }

  reach(): Promise<never> {
    return Promise.reject(this.loginError);
  }

  nameOf(): undefined {
    return undefined;
  }

  connectTcp(): never {
    throw new NtmError('NTM_CONFIG', this.loginError.message);
  }

  /** Listening must not fail because the network is not there: nobody can connect, that is all. */
  listenTcp({ address, port }: { address: string; port: number }): TcpListener {
    return { local: { address, port }, close: () => {} };
  }

  openUdp({ address, port }: { address: string; port: number }): UdpSocket {
    return {
      local: { address, port },
      connect() {},
      disconnect() {},
      send: () => 'ENETUNREACH',
      countOverflow() {},
      countUnsent() {},
      close() {},
    };
  }
}
