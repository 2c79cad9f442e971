/** The store of the servers in memory, for tests that are about something else. */
import type { SessionChange, SessionStore, StoredSession } from '../../servers/store/session-store';
import type { Coordinator, PushRecord, Store } from '../../servers/store/store';
import { memoryAccounts } from './memory-accounts';
import { MemoryCachedItems } from './memory-cached-items';

export function memoryStore(): Store & { readonly cachedItems: MemoryCachedItems } {
  const coordinators = new Map<string, Coordinator>();
  const blocks = new Map<string, Coordinator>();
  const zones = new Map<string, Map<string, number>>();
  const numbersOf = (zone: string): Map<string, number> => {
    if (!zones.has(zone)) zones.set(zone, new Map());
    return zones.get(zone)!;
  };
  const settings = new Map<string, Uint8Array>();
  const pushes = new Map<string, PushRecord>();
  const nodeKeys = new Map<string, Uint8Array>();
  return {
    ...memoryAccounts(coordinators),
    coordinators: {
      find: async (zone) => coordinators.get(zone),
      list: async () => [...coordinators.values()],
      remove: async (zone) => void coordinators.delete(zone),
      async put(coordinator) {
        coordinators.set(coordinator.zone, coordinator);
        blocks.set(coordinator.zone, coordinator);
      },
      blocks: async () =>
        [...blocks.values()]
          .map(({ zone, ipv4Block, ipv6Prefix }) => ({ zone, ipv4Block, ipv6Prefix }))
          .sort((a, b) => (a.zone < b.zone ? -1 : 1)),
    },
    assignments: {
      find: async (zone, fqdn) => numbersOf(zone).get(fqdn),
      nameOf: async (zone, number) => [...numbersOf(zone)].find(([, n]) => n === number)?.[0],
      hasBelow: async (zone, fqdn) => [...numbersOf(zone).keys()].some((name) => name.endsWith(`.${fqdn}`)),
      async assign(zone, fqdn, last) {
        const numbers = numbersOf(zone);
        const free = numbers.size + 1;
        if (!numbers.has(fqdn) && free <= last) numbers.set(fqdn, free);
        return numbers.get(fqdn);
      },
    },
    sessions: memorySessions(),
    settings: {
      get: async (name) => settings.get(name),
      put: async (name, value) => void settings.set(name, value),
      async getOrPut(name, value) {
        if (!settings.has(name)) settings.set(name, value());
        return settings.get(name)!;
      },
    },
    pushes: {
      list: async () => [...pushes.values()],
      put: async (record) => void pushes.set(record.fqdn, record),
      remove: async (fqdn) => void pushes.delete(fqdn),
    },
    nodeKeys: {
      find: async (zone, fqdn) => nodeKeys.get(`${zone} ${fqdn}`),
      put: async (zone, fqdn, publicKey) => void nodeKeys.set(`${zone} ${fqdn}`, publicKey),
    },
    cachedItems: new MemoryCachedItems(),
    close: () => {},
  };
}

function memorySessions(): SessionStore {
  const zones = new Map<string, Map<string, StoredSession>>();
  const of = (zone: string): Map<string, StoredSession> => {
    if (!zones.has(zone)) zones.set(zone, new Map());
    return zones.get(zone)!;
  };
  const apply = (sessions: Map<string, StoredSession>, change: SessionChange): void => {
    if (change.kind === 'keyed') return void sessions.set(change.session.fqdn, change.session);
    const known = sessions.get(change.fqdn);
    if (!known || Buffer.compare(known.key, change.key) !== 0) return;
    if (change.kind === 'ended') return void sessions.delete(change.fqdn);
    sessions.set(change.fqdn, { ...known, usedMs: change.usedMs, location: change.location });
  };
  return {
    async write(zone, changes) {
      for (const change of changes) apply(of(zone), change);
    },
    restore: async (zone, sinceMs) => [...of(zone).values()].filter(({ usedMs }) => usedMs >= sinceMs),
  };
}
