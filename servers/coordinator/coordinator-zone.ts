/** The zone of a DC as its DNS shows it: the servers at their real addresses, the nodes at their virtual ones. */
import { isIPv6 } from 'node:net';
import type { VirtualAddresses } from '../../core/wire/addresses';
import { Refused } from '../../core/wire/outcomes';
import type { AssignmentStore } from '../store/store';
import { isLabel, labelsBelow } from '../names';
import type { RateLimit } from '../rate-limit';
import type { AddressPool } from './address-pool';
import type { NameCheck } from './name-check';
import type { Addresses, Zone } from './zone';

export interface ZoneSources {
  readonly pool: AddressPool;
  readonly assignments: AssignmentStore;
  readonly names: NameCheck;
  /** Anyone may ask the DNS, and each name never seen costs a question to the AS. */
  readonly nameQuestions: RateLimit;
}

export function coordinatorZone(
  name: string,
  serial: number,
  servers: ReadonlyMap<string, string>,
  { pool, assignments, names, nameQuestions }: ZoneSources,
): Zone {
  /** An account resolves before its first login; of its further nodes, only those that were there once do. */
  const ofNewAccount = async (fqdn: string): Promise<VirtualAddresses | undefined> => {
    const [label = '', ...more] = labelsBelow(name, fqdn) ?? [];
    if (more.length > 0 || !isLabel(label)) return undefined;
    if (!nameQuestions.take('dns')) throw new Refused('unavailable'); // SERVFAIL, as below
    return names.addressesOf(fqdn).catch((error: unknown) => {
      if (error instanceof Refused && error.refusal === 'no-such-name') return undefined;
      throw error; // SERVFAIL: the AS cannot be asked, which is no proof that there is no such name
    });
  };
  return {
    name,
    serial,
    async find(fqdn): Promise<Addresses | 'none' | undefined> {
      const real = servers.get(fqdn);
      if (real !== undefined) return isIPv6(real) ? { ipv4: [], ipv6: [real] } : { ipv4: [real], ipv6: [] };
      const virtual = (await pool.find(fqdn)) ?? (await ofNewAccount(fqdn));
      if (virtual) return { ipv4: [virtual.ipv4], ipv6: [virtual.ipv6] };
      return (await assignments.hasBelow(name, fqdn)) ? 'none' : undefined;
    },
  };
}
