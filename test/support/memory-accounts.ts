/** Accounts, nodes, join keys and revocations in memory. */
import type { Account, JoinKey, KnownNode, Revocation, Revoked } from '../../servers/store/account-store';
import type { Coordinator, Store } from '../../servers/store/store';

export function memoryAccounts(
  coordinators: ReadonlyMap<string, Coordinator>,
): Pick<Store, 'accounts' | 'nodes' | 'joinKeys' | 'revocations'> {
  const accounts = new Map<string, Account>();
  const nodes = new Map<string, KnownNode>();
  const keys = new Map<string, JoinKey>();
  let revocations: Revocation[] = [];
  let lastId = 0;
  const parent = (fqdn: string): string => fqdn.slice(fqdn.indexOf('.') + 1);
  const revoke = (revoked: Revoked): void => {
    const { fqdn, below } = revoked;
    revocations = revocations.filter((each) => each.fqdn !== fqdn || each.below !== below);
    for (const zone of coordinators.keys()) revocations.push({ ...revoked, zone, id: ++lastId });
    for (const node of nodes.values()) {
      if (node.fqdn === fqdn || (below && parent(node.fqdn) === fqdn)) nodes.set(node.fqdn, { ...node, ended: true });
    }
  };
  const removed = new Set<string>();
  return {
    accounts: {
      find: async (name) => accounts.get(name),
      list: async () => [...accounts.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
      async put(name, passwordHash, createdMs) {
        const known = accounts.get(name);
        accounts.set(name, { name, createdMs, disabled: false, zone: null, ...known, passwordHash });
        return known ? 'updated' : 'created';
      },
      async add(name, passwordHash, createdMs, zone) {
        if (accounts.has(name)) return false;
        accounts.set(name, { name, passwordHash, createdMs, disabled: false, zone: zone ?? null });
        return true;
      },
      async change(name, change, revoked) {
        const known = accounts.get(name);
        if (!known) return false;
        accounts.set(name, { ...known, ...change });
        if (revoked) revoke(revoked);
        return true;
      },
      async remove(name, revoked) {
        if (!accounts.delete(name)) return false;
        for (const { fqdn, account } of nodes.values()) if (account === name) nodes.delete(fqdn);
        for (const { id, account } of keys.values()) if (account === name) keys.delete(id);
        revoke(revoked);
        return true;
      },
    },
    nodes: {
      find: async (fqdn) => nodes.get(fqdn),
      list: async (account) =>
        [...nodes.values()]
          .filter(({ fqdn, account: owner }) => !removed.has(fqdn) && (account === undefined || owner === account))
          .sort((a, b) => (a.fqdn < b.fqdn ? -1 : 1)),
      async loggedIn(node) {
        nodes.set(node.fqdn, { ...node, ended: false });
        removed.delete(node.fqdn);
      },
      hasLoggedInFrom: async (account, source) =>
        [...nodes.values()].some((node) => node.account === account && node.source === source),
      async remove(fqdn, revoked) {
        if (!nodes.has(fqdn) || removed.has(fqdn)) return false;
        removed.add(fqdn);
        revoke(revoked);
        return true;
      },
    },
    joinKeys: {
      add: async (key) => void keys.set(key.id, { ...key, boundTo: null, usedMs: null }),
      find: async (id) => keys.get(id),
      list: async (account) =>
        [...keys.values()]
          .filter((key) => account === undefined || key.account === account)
          .sort((a, b) => (`${a.account} ${a.createdMs} ${a.id}` < `${b.account} ${b.createdMs} ${b.id}` ? -1 : 1)),
      async use(id, publicKey, usedMs) {
        const key = keys.get(id);
        if (!key) return 'gone';
        const { once, boundTo } = key;
        if (once && boundTo && Buffer.compare(boundTo, publicKey) !== 0) return 'taken';
        keys.set(id, { ...key, usedMs, boundTo: once ? publicKey : null });
        return 'used';
      },
      async remove(id) {
        if (!keys.delete(id)) return undefined;
        const joined = [...nodes.values()].filter(({ joinKey, ended }) => joinKey === id && !ended);
        for (const { fqdn } of joined) revoke({ fqdn, below: false, reason: 'join-key' });
        return joined.length;
      },
    },
    revocations: {
      zones: async () => [...new Set(revocations.map(({ zone }) => zone))],
      pending: async (zone, limit) => revocations.filter((each) => each.zone === zone).slice(0, limit),
      pendingOf: async (zone, fqdn) =>
        revocations.filter(
          (each) => each.zone === zone && (each.fqdn === fqdn || (each.below && each.fqdn === parent(fqdn))),
        ),
      acknowledged: async (id) => void (revocations = revocations.filter((each) => each.id !== id)),
      add: async (revoked) => revoke(revoked),
    },
  };
}
