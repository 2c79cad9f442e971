/** What a mapping's lifetime is taken for: neither for ever, nor so short that renewing it would be all that is done. */
import type { Endpoint } from '../../wire/addresses';
import { LONGEST_LIFETIME_S, SHORTEST_LIFETIME_S, type MappingResult } from './contract';

export function usableLifetime(endpoint: Endpoint, lifetimeS: number): MappingResult {
  if (lifetimeS < SHORTEST_LIFETIME_S) return { outcome: 'refused', why: `given for ${lifetimeS} s only` };
  return { outcome: 'mapped', endpoint, lifetimeS: Math.min(lifetimeS, LONGEST_LIFETIME_S) };
}
