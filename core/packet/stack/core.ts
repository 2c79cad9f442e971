/** What connections and listeners need of the stack that they belong to. */
import type { ClockExports, ClockImports } from './clock';
import type { Connection } from './connection';
import type { Listener } from './listener';
import type { Memory } from './memory';
import type { NetifExports, NetifImports } from './netif';
import type { InboundPolicy } from './stack-contract';
import type { TcpExports, TcpImports } from './tcp';
import type { UdpExports, UdpImports } from './udp-sockets';
import type { VirtualAddresses } from '../../wire/addresses';

export type LwipExports = ClockExports &
  NetifExports &
  TcpExports &
  UdpExports & { readonly memory: WebAssembly.Memory };
export type LwipImports = ClockImports & NetifImports & TcpImports & UdpImports;

export interface Core {
  readonly wasm: LwipExports;
  readonly memory: Memory;
  /** The node's, once they are known. */
  readonly addresses: VirtualAddresses | undefined;
  readonly isClosed: boolean;
  /** Undefined: everybody reaches every port. */
  readonly inbound: InboundPolicy | undefined;
  /** Before a call that may touch a timer of TCP or send a packet. */
  enter(): void;
  /** After it. */
  leave(): void;
  /** Bytes of the largest IP packet to there. */
  pathMtu(remoteAddress: string): number;
  /** The pcb is about to go. */
  forget(ended: Connection | Listener): void;
}
