/** What a node is given. */
import type { TakenItems } from './cache/contract';
import type { Capture } from './capture';
import type { NodeConfig } from './config';
import type { Namespace } from './namespace';
import type { Runtime } from './runtime';
import type { Trace } from './trace';

export interface NodeOptions {
  readonly runtime: Runtime;
  readonly trace: Trace;
  readonly config: Pick<NodeConfig, 'accountServer' | 'account' | 'node' | 'password' | 'route' | 'allow'> &
    Partial<Pick<NodeConfig, 'push' | 'cachedPorts' | 'byJoinKey' | 'udp' | 'portMapping' | 'standby'>>;
  /** WireGuard static secret key, 32 bytes. */
  readonly secretKey: Uint8Array;
  readonly namespace: Namespace;
  readonly capture?: Capture;
  /** Cached items that were taken; default: as long as this node is there. */
  readonly taken?: TakenItems;
  /** Keeps the process until the result is called, for who waits for the cache. */
  hold?(): () => void;
  onNetwork(network: { domains: readonly string[]; networks: readonly string[] }): void;
  onFailed(error: Error): void;
  /** The NS cannot push to the address it was given: no such service there, or the service knows it no more. */
  onPushRefused?(why: 'dead' | 'unsupported'): void;
  /** The virtual stack failed this assertion; its connections are lost. */
  onStackFault(assertion: string): void;
}
