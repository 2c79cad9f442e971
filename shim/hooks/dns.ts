/**
 * dns.lookup, dns.resolve, dns.resolve4, dns.resolve6, and the same methods of dns.Resolver.
 * Arguments are validated by Node's own functions, called with an address instead of the name.
 */
import dns from 'node:dns';
import type { VirtualNetwork } from '../../core/virtual-network';
import { queryError } from '../node-errors';
import type { AnyFunction } from '../node-internals';
import type { Patches } from '../patch';
import {
  classifyQuery,
  explainHostFailure,
  isVirtualAfterWaiting,
  lookupAnswer,
  lookupOptions,
  lookupVirtual,
} from './name-lookup';

const ANY_ADDRESS = '0.0.0.0';

let connecting = 0;

/** Lookups that Node makes inside this call are for a connection. */
export function duringConnect<T>(connect: () => T): T {
  connecting++;
  try {
    return connect();
  } finally {
    connecting--;
  }
}

export function hookDns(network: VirtualNetwork, patches: Patches): void {
  patches.replace(dns, 'lookup', (lookup) => (...args: unknown[]): unknown => {
    const [hostname] = args;
    const place = classifyQuery(hostname, network);
    const at = typeof args[1] === 'function' ? 1 : 2;
    const callback = args[at] as AnyFunction;
    const isHosts = place === 'host' && !network.loginError;
    if (isHosts || typeof callback !== 'function') return Reflect.apply(lookup, dns, args);

    lookup(ANY_ADDRESS, ...args.slice(1, at), () => {}); // throws what the app deserves
    const onHost = (): unknown =>
      lookup(...args.slice(0, at), (error: unknown, ...answer: unknown[]) => {
        explainHostFailure(error, network);
        callback(error, ...answer);
      });
    if (place === 'host') return onHost();

    const options = at === 2 ? lookupOptions(args[1]) : {};
    const single = connecting > 0;
    const answer = async (): Promise<unknown[] | undefined> => {
      if (!(await isVirtualAfterWaiting(hostname as string, network))) return undefined;
      const answers = lookupAnswer(await lookupVirtual(hostname as string, network), options, single);
      return options.all ? [null, answers] : [null, answers[0]!.address, answers[0]!.family];
    };
    answer().then(
      // Through nextTick, so that what a callback throws is an uncaught exception and not an unhandled rejection.
      (found) => process.nextTick(() => (found ? callback(...found) : onHost())),
      (error: unknown) => process.nextTick(callback, error),
    );
    return {};
  });

  for (const target of [dns, dns.Resolver.prototype]) {
    patches.replace(target, 'resolve4', (resolve4) => resolver(resolve4, 4, network));
    patches.replace(target, 'resolve6', (resolve6) => resolver(resolve6, 6, network));
    patches.replace(
      target,
      'resolve',
      (resolve) =>
        function (this: unknown, ...args: unknown[]): unknown {
          const [hostname, ...rest] = args;
          const own = target === dns ? dns : (this as dns.Resolver); // dns.resolve may be called without its module
          const type = typeof rest[0] === 'function' ? 'A' : rest[0];
          const callback = rest[rest.length - 1] as never;
          if (classifyQuery(hostname, network) === 'host') return Reflect.apply(resolve, this, args);
          if (type === 'A') return own.resolve4(hostname as string, callback);
          if (type === 'AAAA') return own.resolve6(hostname as string, callback);
          return Reflect.apply(resolve, this, args);
        },
    );
  }
}

function resolver(original: AnyFunction, family: 4 | 6, network: VirtualNetwork): AnyFunction {
  return function (this: unknown, ...args: unknown[]): unknown {
    const [hostname, options] = args;
    const callback = args[args.length - 1] as AnyFunction;
    const onHost = (): unknown => Reflect.apply(original, this, args);
    if (classifyQuery(hostname, network) === 'host' || typeof callback !== 'function') return onHost();

    const name = hostname as string;
    const answer = async (): Promise<string[] | dns.RecordWithTtl[] | undefined> =>
      (await isVirtualAfterWaiting(name, network)) ? resolveVirtual(name, family, options, network) : undefined;
    answer().then(
      (found) => process.nextTick(() => (found ? callback(null, found) : onHost())),
      (error: unknown) => process.nextTick(callback, error),
    );
    return {};
  };
}

/** A node's addresses do not change, but names may be given to others. */
const TTL_SECONDS = 60;

export async function resolveVirtual(
  hostname: string,
  family: 4 | 6,
  options: unknown,
  network: VirtualNetwork,
): Promise<string[] | dns.RecordWithTtl[]> {
  try {
    const addresses = await lookupVirtual(hostname, network);
    const address = family === 4 ? addresses.ipv4 : addresses.ipv6;
    const withTtl = (options as { ttl?: unknown } | null | undefined)?.ttl;
    return withTtl ? [{ address, ttl: TTL_SECONDS }] : [address];
  } catch (error) {
    throw queryError(family === 4 ? 'queryA' : 'queryAaaa', hostname, (error as Error).cause);
  }
}
