/** `serve as`: the account server, and the registry of the coordinators that its settings name. */
import { formatJoinUrl } from '../../core/join-url';
import { nodeRandom } from '../../core/runtime-node';
import { NtmError } from '../../core/errors';
import { formatEndpoint } from '../../core/wire/addresses';
import { AccountServer } from '../account/account-server';
import { freeBlocks, IPV4_NETWORK, ulaNetwork } from '../account/address-blocks';
import { decoyPasswordHash, verifyPassword } from '../account/password';
import { hostMachine } from '../host';
import { NetworkSettings } from '../network-settings';
import { openSqliteStore } from '../store/sqlite-store';
import type { Store } from '../store/store';
import { droppedFigures, type ServeContext, type ServedServer } from './served';
import { serverKey } from './server-key';
import type { Settings } from './settings';

export async function serveAccountServer(
  { dir, listen, zone, coordinators }: Settings<'as'>,
  { trace }: ServeContext,
): Promise<ServedServer> {
  const identity = serverKey(dir, nodeRandom);
  const store = openSqliteStore(dir);
  try {
    const settings = new NetworkSettings(store.settings, nodeRandom);
    await settings.decideZone(zone);
    const globalId = await settings.globalId();
    await enrol(store, coordinators, globalId);
    const networks = [IPV4_NETWORK, ulaNetwork(globalId)];
    const options = {
      identity,
      zone,
      networks,
      store,
      verifyPassword,
      decoyPasswordHash: decoyPasswordHash(nodeRandom),
    };
    const { machine, local, close } = await hostMachine(listen, trace, (ports) => new AccountServer(options, ports));
    await machine.start();
    return {
      about: {
        'serves accounts on': formatEndpoint(local),
        NTMOBILE_AS: formatJoinUrl({ host: local.address, port: local.port, publicKey: identity.publicKey, zone }),
      },
      figures: () => droppedFigures({ signalling: machine.signalling.drops }),
      ailment: () => undefined,
      async close() {
        await close();
        store.close();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

/** The coordinators of the settings, and no others, with blocks of addresses that they keep. */
async function enrol(store: Store, enrolled: Settings<'as'>['coordinators'], globalId: Uint8Array): Promise<void> {
  for (const { zone } of await store.coordinators.list()) {
    if (!enrolled.some((each) => each.zone === zone)) await store.coordinators.remove(zone);
  }
  for (const { zone, key, endpoint } of enrolled) {
    const known = await store.coordinators.find(zone);
    const blocks = known ?? freeBlocks(globalId, await store.coordinators.list());
    if (!blocks) throw new NtmError('NTM_CONFIG', 'every block of virtual addresses has been given to a coordinator');
    const { ipv4Block, ipv6Prefix } = blocks;
    const reported = endpoint ?? known?.endpoint ?? null;
    await store.coordinators.put({
      ...{ zone, fqdn: `dc.${zone}`, publicKey: key, ipv4Block, ipv6Prefix, endpoint: reported },
    });
  }
}
