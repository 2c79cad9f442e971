/** The store of the servers in memory, for tests that are about something else. */
import type { Account, Coordinator, Store } from '../../servers/store/store';

export function memoryStore(): Store {
  const accounts = new Map<string, Account>();
  const coordinators = new Map<string, Coordinator>();
  const numbers = new Map<string, number>();
  const settings = new Map<string, Uint8Array>();
  return {
    accounts: {
      find: async (name) => accounts.get(name),
      list: async () => [...accounts.values()],
      async put(name, passwordHash, createdMs) {
        const known = accounts.has(name);
        accounts.set(name, { name, passwordHash, createdMs, disabled: false });
        return known ? 'updated' : 'created';
      },
      async add(name, passwordHash, createdMs) {
        if (accounts.has(name)) return false;
        accounts.set(name, { name, passwordHash, createdMs, disabled: false });
        return true;
      },
    },
    coordinators: {
      find: async (zone) => coordinators.get(zone),
      list: async () => [...coordinators.values()],
      put: async (coordinator) => void coordinators.set(coordinator.zone, coordinator),
    },
    assignments: {
      find: async (_zone, fqdn) => numbers.get(fqdn),
      nameOf: async (_zone, number) => [...numbers].find(([, n]) => n === number)?.[0],
      hasBelow: async (_zone, fqdn) => [...numbers.keys()].some((name) => name.endsWith(`.${fqdn}`)),
      async assign(_zone, fqdn, last) {
        const free = numbers.size + 1;
        if (!numbers.has(fqdn) && free <= last) numbers.set(fqdn, free);
        return numbers.get(fqdn);
      },
    },
    settings: {
      get: async (name) => settings.get(name),
      put: async (name, value) => void settings.set(name, value),
      async getOrPut(name, value) {
        if (!settings.has(name)) settings.set(name, value());
        return settings.get(name)!;
      },
    },
    close: () => {},
  };
}
