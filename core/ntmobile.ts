/**
 * The library entry, for programs that know of NTMobile (paper 3.2: authentication and name resolution APIs).
 * Programs that do not know of it use `node -r ntmobile/register` instead.
 */
import { readConfig } from './config';
import { configuredNode } from './configured-node';
import { configuredNamespace } from './start';
import type { Statistics } from './statistics';
import type { VirtualAddresses } from './wire/addresses';

export { NtmError, type NtmErrorCode } from './errors';
export type { PathStatistics, Statistics, TunnelStatistics } from './statistics';
export type { VirtualAddresses } from './wire/addresses';

/** The settings of the environment (`NTMOBILE_AS`, `NTMOBILE_ACCOUNT`, ...), each of which may be given here instead. */
export type LoginSettings = Readonly<Record<`NTMOBILE_${string}`, string | undefined>>;

export interface LoggedIn {
  readonly fqdn: string;
  readonly addresses: VirtualAddresses;
  /** Constructs the tunnel to a node and returns its virtual addresses. Rejects with NtmError. */
  resolve(fqdn: string): Promise<VirtualAddresses>;
  /** Tunnels, their paths and MTUs, and what was sent, received and dropped. */
  statistics(): Statistics;
  /** Leaves the network. */
  close(): void;
}

/**
 * Authentication API (Figure 4): joins the network as one more node of this process.
 * Rejects with NtmError: NTM_CONFIG, NTM_AS_UNREACHABLE, NTM_AS_KEY, NTM_LOGIN_REFUSED, NTM_DC_UNREACHABLE.
 */
export async function login(settings: LoginSettings = {}): Promise<LoggedIn> {
  const config = readConfig({ ...process.env, ...settings });
  const node = configuredNode(config, configuredNamespace(config), () => {});
  try {
    await node.whenJoined();
  } catch (error) {
    node.close();
    throw error;
  }
  return {
    fqdn: node.fqdn!,
    addresses: node.addresses!,
    resolve: async (fqdn) => {
      const addresses = await node.lookup(fqdn);
      await node.reach(addresses.ipv4);
      return addresses;
    },
    statistics: () => node.statistics(),
    close: () => node.close(),
  };
}
