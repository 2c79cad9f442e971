/**
 * Between a worker thread and the thread that has the node. A process is one node, so the sockets that the worker's
 * program opens are the node's: each call becomes a message, each event one back, and what is sent is credited.
 *
 *   worker: RemoteNetwork <-- MessagePort --> NetworkHost: the node, or the RemoteNetwork of a worker that has workers
 *
 * Bytes are copied once and then moved. Connections of the worker's have positive numbers, accepted ones negative.
 */
import type { MessagePort } from 'node:worker_threads';
import { NtmError, type NtmErrorCode } from '../errors';
import type {
  TcpConnectOptions,
  TcpFailure,
  TcpListenOptions,
  UdpFailure,
  UdpOpenOptions,
} from '../packet/stack/stack-contract';
import type { KnownNetwork } from '../virtual-network';
import type { Endpoint, VirtualAddresses } from '../wire/addresses';

/** What the node knows, as of the last answer. */
export interface NetworkState extends KnownNetwork {
  readonly addresses: VirtualAddresses | undefined;
  /** This node's. */
  readonly fqdn: string | undefined;
  readonly loginError: PlainError | undefined;
}

/** An Error loses its code when it is cloned. */
export interface PlainError {
  readonly code: string | undefined;
  readonly message: string;
}

/** The caller sleeps on `flag` until the answer is in the other end of `port`. */
export interface Reply {
  readonly port: MessagePort;
  readonly flag: Int32Array;
}

export type Opened = { readonly local: Endpoint } | { readonly code: string };

export type Call =
  | { readonly op: 'when decided' }
  | { readonly op: 'lookup'; readonly fqdn: string }
  | { readonly op: 'reach'; readonly address: string; readonly correspondent: 'perhaps silent' | undefined };

export type ToNode =
  | { readonly op: 'call'; readonly id: number; readonly call: Call }
  | { readonly op: 'listen'; readonly id: number; readonly options: TcpListenOptions; readonly reply: Reply }
  | { readonly op: 'open udp'; readonly id: number; readonly options: UdpOpenOptions; readonly reply: Reply }
  | { readonly op: 'connect'; readonly id: number; readonly options: TcpConnectOptions }
  | ({ readonly op: 'tcp'; readonly id: number } & TcpRequest)
  | ({ readonly op: 'udp'; readonly id: number } & UdpRequest)
  | { readonly op: 'close listener'; readonly id: number };

export type TcpRequest =
  | { readonly write: Uint8Array }
  | { readonly consumed: number }
  | { readonly shutdown: true }
  | { readonly abort: true }
  | { readonly noDelay: boolean }
  | { readonly keepAlive: boolean; readonly initialDelayMs: number };

export type UdpRequest =
  | { readonly send: Uint8Array; readonly to: Endpoint | undefined }
  /** Of datagrams that were handed over: they have left the port. */
  | { readonly taken: number }
  | { readonly connect: Endpoint | undefined }
  | { readonly count: 'overflow' | 'unsent' }
  | { readonly close: true };

export type ToThread =
  | { readonly op: 'answer'; readonly id: number; readonly answer: Answer; readonly state: NetworkState | undefined }
  | ({ readonly op: 'tcp'; readonly id: number } & TcpEvent)
  | ({ readonly op: 'udp'; readonly id: number } & UdpEvent)
  /** `name`: of the node at the other end. */
  | { readonly op: 'accepted'; readonly id: number; readonly listener: number; readonly ends: Ends };

export type Answer =
  | { readonly addresses: VirtualAddresses }
  | { readonly name: string | undefined }
  | { readonly error: PlainError }
  | Record<string, never>;

export interface Ends {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly name: string | undefined;
}

export type TcpEvent =
  | { readonly connected: Ends }
  | { readonly received: Uint8Array }
  | { readonly ended: true }
  /** In all, of what was written: bytes in the stack's hands, and bytes that the peer has acknowledged. */
  | { readonly taken: number; readonly acknowledged: number }
  | { readonly failed: TcpFailure; readonly cause: PlainError | undefined }
  | { readonly closed: true };

export type UdpEvent =
  | { readonly received: Uint8Array; readonly from: Endpoint; readonly to: string; readonly name: string | undefined }
  | { readonly failed: UdpFailure };

export function plainError(error: unknown): PlainError {
  const { code, message } = error as { code?: string; message: string };
  return { code, message };
}

export function errorOf({ code, message }: PlainError): Error {
  if (code?.startsWith('NTM_')) return new NtmError(code as NtmErrorCode, message);
  return Object.assign(new Error(message), code !== undefined && { code });
}
