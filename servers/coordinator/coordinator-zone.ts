/** The zone of a DC as its DNS shows it: the servers at their real addresses, the nodes at their virtual ones. */
import { isIPv6 } from 'node:net';
import type { AssignmentStore } from '../store/store';
import type { AddressPool } from './address-pool';
import type { Addresses, Zone } from './zone';

export function coordinatorZone(
  name: string,
  serial: number,
  servers: ReadonlyMap<string, string>,
  pool: AddressPool,
  assignments: AssignmentStore,
): Zone {
  return {
    name,
    serial,
    async find(fqdn): Promise<Addresses | 'none' | undefined> {
      const real = servers.get(fqdn);
      if (real !== undefined) return isIPv6(real) ? { ipv4: [], ipv6: [real] } : { ipv4: [real], ipv6: [] };
      const virtual = await pool.find(fqdn);
      if (virtual) return { ipv4: [virtual.ipv4], ipv6: [virtual.ipv6] };
      return (await assignments.hasBelow(name, fqdn)) ? 'none' : undefined;
    },
  };
}
