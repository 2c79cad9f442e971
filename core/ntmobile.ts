/**
 * The library entry, for programs that know of NTMobile (paper 3.2: authentication and name resolution APIs).
 * Programs that do not know of it use `node -r ntmobile/register` instead.
 */
import type { Cache } from './cache/cache';
import type { Listen } from './node-events';
import { listenByPreload, nameByPreload, nameOfPeer, type PeerLike } from './peer-name';
import type { Statistics } from './statistics';
import type { VirtualAddresses } from './wire/addresses';

export type { Cache, ItemHandler } from './cache/cache';
export type { CachedItem, PutOptions, PutResult } from './cache/contract';
export { NtmError, type NtmErrorCode } from './errors';
export type { Handover, HandoverReason } from './handover/handover-reports';
export type { Listen, NodeEventListeners } from './node-events';
export type { RouteChange } from './packet-path';
export type { PeerLike } from './peer-name';
export type { PathStatistics, Statistics, TunnelStatistics } from './statistics';
export type { VirtualAddresses } from './wire/addresses';

/** The settings of the environment (`NTMOBILE_AS`, `NTMOBILE_ACCOUNT`, ...), each of which may be given here instead. */
export type LoginSettings = Readonly<Record<`NTMOBILE_${string}`, string | undefined>>;

export interface LoggedIn {
  readonly fqdn: string;
  readonly addresses: VirtualAddresses;
  /** Constructs the tunnel to a node and returns its virtual addresses. Rejects with NtmError. */
  resolve(fqdn: string): Promise<VirtualAddresses>;
  /** As the function of that name, of the correspondents of this node. */
  peerName(peer: PeerLike): string | undefined;
  /** As the function of that name, of this node. */
  readonly on: Listen;
  /** Data for nodes that may be away, and what others have stored for this one. */
  readonly cache: Cache;
  /** Tunnels, their paths and MTUs, and what was sent, received and dropped. */
  statistics(): Statistics;
  /**
   * Where push messages reach this device, as NTMOBILE_PUSH: the notification server wakes the node by one when it
   * has no connection. Undefined: no more. Throws NtmError NTM_CONFIG when it is malformed.
   */
  setPush(push: string | undefined): void;
  /** To be called when a push message came: the node is registered where it is now, at once. */
  wake(): void;
  /** Leaves the network. */
  close(): void;
}

/**
 * Authentication API (Figure 4): joins the network as one more node of this process.
 * Rejects with NtmError: NTM_CONFIG, NTM_AS_UNREACHABLE, NTM_AS_KEY, NTM_LOGIN_REFUSED, NTM_DC_UNREACHABLE.
 */
export async function login(settings: LoginSettings = {}): Promise<LoggedIn> {
  // Loaded when it is needed: a program that has the preload's node asks for names only.
  // eslint-disable-next-line @typescript-eslint/no-require-imports
  const { loggedIn } = require('./logged-in') as typeof import('./logged-in');
  return loggedIn(settings);
}

/**
 * The FQDN of the node at the other end, in a program with the preload (`node -r ntmobile/register`): of a socket of
 * `net` or `tls` (`request.socket` of HTTP), of what `dgram` tells of a sender, or of an address. Of this node's own
 * addresses its own name. Certain as the tunnel is: nobody sends from the address of another node.
 *
 * Undefined for peers that are not nodes of the network, without the preload, and for a socket that is closed and whose
 * `remoteAddress` was never asked for while it was open: Node forgets it then. Never throws; joins nothing.
 */
export function peerName(peer: PeerLike): string | undefined {
  return nameOfPeer(peer, nameByPreload);
}

/**
 * Tells what becomes of the network under a program with the preload; connections go on by themselves, whether somebody
 * listens or not. `handover`: the host was in another network, and the handover is over (Figure 7): the DC knows, and
 * tunnels work, or have had ten seconds to. `route`: a tunnel takes another path than before, for whatever reason.
 * Listeners are called later, in turns of their own. Call the result to end it.
 *
 * Throws TypeError for other events. Without the preload, and in worker threads, nothing is ever told.
 */
export const on: Listen = listenByPreload;
