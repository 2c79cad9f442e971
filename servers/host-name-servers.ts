/** DNS by the host's own resolver, or by the name servers that are given. */
import { Resolver } from 'node:dns/promises';
import { nodeTimers } from '../core/runtime-node';
import { within } from '../core/wire/within';
import type { NameServers } from './server-ports';

/** Of one question; a question that is lost is asked once more. */
const TIMEOUT_MS = 400;
/** Of all that is asked for one zone: a node waits meanwhile. */
const LIMIT_MS = 1_000;

/** `servers`: addresses, with a port if it is not 53; default: those of the host. */
export function hostNameServers(servers?: readonly string[]): NameServers {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 2 });
  if (servers) resolver.setServers(servers);
  const none = (): string[] => [];
  const ask = async (question: Promise<string[]>): Promise<string[]> =>
    (await within(nodeTimers, LIMIT_MS, question.catch(none))) ?? [];
  return {
    of: (zone) => ask(resolver.resolveNs(zone)),
    async addresses(name) {
      const [ipv4, ipv6] = await Promise.all([ask(resolver.resolve4(name)), ask(resolver.resolve6(name))]);
      return [...ipv4, ...ipv6];
    },
  };
}

/** In a network of one process there is nobody else to find. */
export const noNameServers: NameServers = { of: async () => [], addresses: async () => [] };
