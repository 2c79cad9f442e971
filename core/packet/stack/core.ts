/** What connections and listeners need of the stack that they belong to. */
import type { ClockExports, ClockImports } from './clock';
import type { Connection } from './connection';
import type { Listener } from './listener';
import type { Memory } from './memory';
import type { NetifExports, NetifImports } from './netif';
import type { TcpExports, TcpImports } from './tcp';

export type LwipExports = ClockExports & NetifExports & TcpExports & { readonly memory: WebAssembly.Memory };
export type LwipImports = ClockImports & NetifImports & TcpImports;

export interface Core {
  readonly wasm: LwipExports;
  readonly memory: Memory;
  /** Before a call that may touch a timer of TCP or send a packet. */
  enter(): void;
  /** After it. */
  leave(): void;
  pathMtu(remoteAddress: string): number | undefined;
  /** The pcb is about to go. */
  forget(ended: Connection | Listener): void;
}
