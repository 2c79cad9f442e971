/** The zone of a DC as its DNS shows it: the servers at their real addresses, the nodes at their virtual ones. */
import { isIPv4, isIPv6 } from 'node:net';
import type { VirtualAddresses } from '../../core/wire/addresses';
import { Refused } from '../../core/wire/outcomes';
import type { AssignmentStore } from '../store/store';
import { isLabel, labelsBelow } from '../names';
import type { RateLimit } from '../rate-limit';
import type { AddressPool } from './address-pool';
import type { NameCheck } from './name-check';
import type { Records, Zone } from './zone';

export interface ZoneSources {
  readonly pool: AddressPool;
  readonly assignments: AssignmentStore;
  readonly names: NameCheck;
  /** Anyone may ask the DNS, and each name never seen costs a question to the AS. */
  readonly nameQuestions: RateLimit;
}

export function coordinatorZone(
  name: string,
  common: Pick<Zone, 'serial' | 'nameServers' | 'hostmaster'>,
  /** Of a server's name. */
  realAddresses: (fqdn: string) => readonly string[] | undefined,
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
    ...common,
    name,
    async find(fqdn): Promise<Records | 'none' | undefined> {
      const real = realAddresses(fqdn);
      if (real) return { ipv4: real.filter(isIPv4), ipv6: real.filter(isIPv6) };
      const virtual = (await pool.find(fqdn)) ?? (await ofNewAccount(fqdn));
      if (virtual) return { ipv4: [virtual.ipv4], ipv6: [virtual.ipv6] };
      return (await assignments.hasBelow(name, fqdn)) ? 'none' : undefined;
    },
  };
}
