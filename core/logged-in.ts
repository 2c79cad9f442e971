/** A node that a program joins with by itself: the library's `login`, with all that a node needs. */
import { readConfig } from './config';
import { configuredNode } from './configured-node';
import type { LoggedIn, LoginSettings } from './ntmobile';
import { nameOfPeer } from './peer-name';
import { parsePushAddress } from './push-address';
import { holdProcess } from './runtime-node';
import { configuredNamespace, standardErrorLog } from './start';

export async function loggedIn(settings: LoginSettings): Promise<LoggedIn> {
  const config = readConfig({ ...process.env, ...settings });
  const node = configuredNode(config, configuredNamespace(config), standardErrorLog(config.log), () => {});
  // The node's own sockets hold no process: a program that does nothing else yet would end here.
  const release = holdProcess();
  try {
    await node.whenJoined();
  } catch (error) {
    node.close();
    throw error;
  } finally {
    release();
  }
  return {
    fqdn: node.fqdn!,
    addresses: node.addresses!,
    resolve: async (fqdn) => {
      const addresses = await node.lookup(fqdn);
      await node.reach(addresses.ipv4);
      return addresses;
    },
    peerName: (peer) => nameOfPeer(peer, (address) => node.nameOf(address)),
    on: (name, listener) => node.on(name, listener),
    get cache() {
      return node.cache.items;
    },
    statistics: () => node.statistics(),
    setPush: (push) => node.setPush(push === undefined ? undefined : parsePushAddress(push)),
    wake: () => node.wake(),
    close: () => node.close(),
  };
}
