/** `serve as`: the account server, and the registry of the coordinators that its settings name. */
import { formatJoinUrl } from '../../core/join-url';
import { nodeRandom } from '../../core/runtime-node';
import { NtmError } from '../../core/errors';
import { formatEndpoint } from '../../core/wire/addresses';
import { agreedKey, type KeyPair } from '../../core/wire/keys';
import { AccountServer } from '../account/account-server';
import { blocksFor, IPV4_NETWORK, ulaNetwork } from '../account/address-blocks';
import { decoyPasswordHash, verifyPassword } from '../account/password';
import { hostMachine } from '../host';
import { NetworkSettings } from '../network-settings';
import { openSqliteStore } from '../store/sqlite-store';
import type { Coordinator, Store } from '../store/store';
import { watchStore } from '../store/watched-store';
import { droppedFigures, storeFigures, type Figure, type ServeContext, type ServedServer } from './served';
import { serverKey } from './server-key';
import type { Settings } from './settings';
import { serveStreams, streamFigures } from './streams';

export async function serveAccountServer(
  { dir, listen, advertise, zone, coordinators, tls }: Settings<'as'>,
  context: ServeContext,
): Promise<ServedServer<'as'>> {
  const identity = serverKey(dir, nodeRandom);
  const watched = watchStore(openSqliteStore(dir));
  const { store } = watched;
  try {
    const settings = new NetworkSettings(store.settings, nodeRandom);
    await settings.decideZone(zone);
    const globalId = await settings.globalId();
    await enrol(store, coordinators, globalId);
    const pinned = new Set<string>();
    pin(pinned, coordinators);
    const networks = [IPV4_NETWORK, ulaNetwork(globalId)];
    const options = {
      identity,
      zone,
      networks,
      store,
      verifyPassword,
      decoyPasswordHash: decoyPasswordHash(nodeRandom),
      pinned,
    };
    const hosted = await hostMachine(listen, context, (ports) => new AccountServer(options, ports));
    const { machine, local, streams, close } = hosted;
    const tlsListeners = await serveStreams(tls, dir, streams);
    await machine.start();
    const { address: host, port } = advertise?.[0] ?? local;
    const tlsPort = tlsListeners.endpoints[0]?.port;
    return {
      about: {
        'serves accounts on': formatEndpoint(local),
        NTMOBILE_AS: formatJoinUrl({ host, port, publicKey: identity.publicKey, zone, tlsPort }),
        ...tlsListeners.about,
      },
      figures: () => [...accountServerFigures(machine), ...streamFigures(streams), ...storeFigures(watched)],
      ailment: () => watched.ailment(),
      async reload(changed) {
        pin(pinned, changed.coordinators);
        for (const gone of await enrol(store, changed.coordinators, globalId)) distrust(machine, identity, gone);
        await machine.start();
      },
      async close() {
        await tlsListeners.close();
        await close();
        store.close();
      },
    };
  } catch (error) {
    store.close();
    throw error;
  }
}

export function accountServerFigures(machine: AccountServer): Figure[] {
  return [
    ...droppedFigures({ signalling: machine.signalling.drops }),
    ...[...machine.refusals].map(([reason, value]) => ({
      ...{ name: 'logins_refused_total', help: 'Logins refused, by reason', type: 'counter' as const },
      ...{ value, labels: { reason } },
    })),
  ];
}

/** DCs are where the settings say, when they say it, whatever they report. */
function pin(pinned: Set<string>, coordinators: Settings<'as'>['coordinators']): void {
  pinned.clear();
  for (const { zone, endpoint } of coordinators) if (endpoint) pinned.add(zone);
}

function distrust({ signalling }: AccountServer, identity: KeyPair, { publicKey, fqdn }: Coordinator): void {
  signalling.removePeer({ key: agreedKey(identity, publicKey), party: 'dc', name: fqdn });
}

/**
 * The coordinators of the settings, and no others, with blocks of addresses that they keep.
 * Gives those that are known no more, or by another key.
 */
async function enrol(
  store: Store,
  enrolled: Settings<'as'>['coordinators'],
  globalId: Uint8Array,
): Promise<Coordinator[]> {
  const gone: Coordinator[] = [];
  for (const coordinator of await store.coordinators.list()) {
    const { zone, publicKey } = coordinator;
    const still = enrolled.find((each) => each.zone === zone);
    if (!still) await store.coordinators.remove(zone);
    if (!still || Buffer.compare(still.key, publicKey) !== 0) gone.push(coordinator);
  }
  for (const { zone, key, endpoint, nodes } of enrolled) {
    const known = await store.coordinators.find(zone);
    const blocks = known ?? (await blocksFor(zone, globalId, store.coordinators, nodes));
    if (!blocks) throw new NtmError('NTM_CONFIG', `there are not enough virtual addresses left for ${zone}`);
    const { ipv4Block, ipv6Prefix } = blocks;
    const reported = endpoint ?? known?.endpoint ?? null;
    await store.coordinators.put({
      ...{ zone, fqdn: `dc.${zone}`, publicKey: key, ipv4Block, ipv6Prefix, endpoint: reported },
    });
  }
  return gone;
}
