/** dns.promises.lookup, lookupService, resolve*, reverse, and the same methods of its Resolver. See dns.ts. */
import dns from 'node:dns/promises';
import type { VirtualNetwork } from '../../core/virtual-network';
import { lookupError } from '../node-errors';
import type { AnyFunction } from '../node-internals';
import type { Patches } from '../patch';
import {
  classifyAddress,
  classifyQuery,
  explainHostFailure,
  isVirtualAddressAfterWaiting,
  isVirtualAfterWaiting,
  lookupAnswer,
  lookupOptions,
  lookupVirtual,
} from './name-lookup';
import { METHODS, methodOf, nameOfAddress, recordsOf, reverseOf } from './records';

const ANY_ADDRESS = '0.0.0.0';

export function hookDnsPromises(network: VirtualNetwork, patches: Patches): void {
  patches.replace(dns, 'lookup', (lookup) => (...args: unknown[]): unknown => {
    const [hostname, options] = args;
    const place = classifyQuery(hostname, network);
    if (place === 'host' && !network.loginError) return Reflect.apply(lookup, dns, args);

    const onHost = (): Promise<unknown> =>
      (Reflect.apply(lookup, dns, args) as Promise<unknown>).catch((error: unknown) => {
        explainHostFailure(error, network);
        throw error;
      });
    if (place === 'host') return onHost();

    lookup(ANY_ADDRESS, ...args.slice(1)); // throws what the app deserves
    const name = hostname as string;
    const wanted = lookupOptions(options);
    const answer = async (): Promise<unknown> => {
      if (!(await isVirtualAfterWaiting(name, network))) return onHost();
      const answers = lookupAnswer(await lookupVirtual(name, network), wanted, false);
      return wanted.all ? answers : answers[0];
    };
    return answer();
  });

  for (const target of [dns, dns.Resolver.prototype]) {
    for (const [type, method] of Object.entries(METHODS)) {
      patches.replace(target, method, (resolve) => resolver(resolve, type, network));
    }
    patches.replace(
      target,
      'resolve',
      (resolve) =>
        function (this: unknown, ...args: unknown[]): unknown {
          const [hostname, type = 'A'] = args;
          const own = target === dns ? dns : this; // dns.resolve may be called without its module
          const method = methodOf(own, type);
          if (!method || classifyQuery(hostname, network) === 'host') return Reflect.apply(resolve, this, args);
          return Reflect.apply(method, own, [hostname]);
        },
    );
    patches.replace(
      target,
      'reverse',
      (reverse) =>
        function (this: unknown, ...args: unknown[]): unknown {
          const [address] = args as [string];
          const onHost = (): unknown => Reflect.apply(reverse, this, args);
          if (classifyAddress(address, network) === 'host') return onHost();
          const answer = async (): Promise<unknown> =>
            (await isVirtualAddressAfterWaiting(address, network)) ? reverseOf(address, network) : onHost();
          return answer();
        },
    );
  }

  patches.replace(dns, 'lookupService', (lookupService) => (...args: unknown[]): unknown => {
    const [address, port] = args as [string, unknown];
    if (classifyAddress(address, network) === 'host') return Reflect.apply(lookupService, dns, args);
    // The service's name, and the errors of a wrong port, are the host's.
    const service = lookupService('127.0.0.1', port) as Promise<{ service: string }>;
    const answer = async (): Promise<unknown> => {
      const known = await service.catch(() => ({ service: String(port) }));
      if (!(await isVirtualAddressAfterWaiting(address, network))) return lookupService(...args);
      try {
        return { hostname: await nameOfAddress(address, network), service: known.service };
      } catch (cause) {
        throw lookupError(address, cause, 'getnameinfo');
      }
    };
    return answer();
  });
}

function resolver(original: AnyFunction, type: string, network: VirtualNetwork): AnyFunction {
  return function (this: unknown, ...args: unknown[]): unknown {
    const [hostname, options] = args;
    const onHost = (): unknown => Reflect.apply(original, this, args);
    if (classifyQuery(hostname, network) === 'host') return onHost();
    const name = hostname as string;
    const answer = async (): Promise<unknown> =>
      (await isVirtualAfterWaiting(name, network)) ? recordsOf(name, type, options, network) : onHost();
    return answer();
  };
}
