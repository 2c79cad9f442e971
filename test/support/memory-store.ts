/** The store of the servers in memory, for tests that are about something else. */
import type { Coordinator, Store } from '../../servers/store/store';
import { memoryAccounts } from './memory-accounts';

export function memoryStore(): Store {
  const coordinators = new Map<string, Coordinator>();
  const blocks = new Map<string, Coordinator>();
  const zones = new Map<string, Map<string, number>>();
  const numbersOf = (zone: string): Map<string, number> => {
    if (!zones.has(zone)) zones.set(zone, new Map());
    return zones.get(zone)!;
  };
  const settings = new Map<string, Uint8Array>();
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
        [...blocks.values()].map(({ zone, ipv4Block, ipv6Prefix }) => ({ zone, ipv4Block, ipv6Prefix })),
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
