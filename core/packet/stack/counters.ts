/** What the virtual stack counts. */
import type { Refusal } from './netif';

/** Packets, but for `faults`: how often lwIP failed an assertion and was started anew. */
export type PacketCounters = Record<'received' | 'sent' | Refusal | 'unconfigured' | 'outOfMemory' | 'faults', number>;
/** TCP's segments sent again, those of them that had arrived after all, tail loss probes, retransmission timeouts. */
type TcpCounters = Record<'retransmitted' | 'needless' | 'probes' | 'timeouts', number>;
/** UDP's datagrams that found no room when they arrived, and that were given up before they were sent. */
type UdpCounters = Record<'udpOverflows' | 'udpUnsent', number>;
/** `allocations`: blocks of memory that lwIP holds now; 0 once the stack is closed. */
export type StackCounters = PacketCounters & TcpCounters & UdpCounters & { readonly allocations: number };
