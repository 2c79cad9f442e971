/** dns.promises.lookup, resolve, resolve4, resolve6, and the same methods of its Resolver. See dns.ts. */
import dns from 'node:dns/promises';
import type { VirtualNetwork } from '../../core/virtual-network';
import type { AnyFunction } from '../node-internals';
import type { Patches } from '../patch';
import { resolveVirtual } from './dns';
import {
  classifyQuery,
  explainHostFailure,
  isVirtualAfterWaiting,
  lookupAnswer,
  lookupOptions,
  lookupVirtual,
} from './name-lookup';

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
    patches.replace(target, 'resolve4', (resolve4) => resolver(resolve4, 4, network));
    patches.replace(target, 'resolve6', (resolve6) => resolver(resolve6, 6, network));
    patches.replace(
      target,
      'resolve',
      (resolve) =>
        function (this: unknown, ...args: unknown[]): unknown {
          const [hostname, type = 'A'] = args;
          const own = target === dns ? dns : (this as dns.Resolver); // dns.resolve may be called without its module
          if (classifyQuery(hostname, network) === 'host') return Reflect.apply(resolve, this, args);
          if (type === 'A') return own.resolve4(hostname as string);
          if (type === 'AAAA') return own.resolve6(hostname as string);
          return Reflect.apply(resolve, this, args);
        },
    );
  }
}

function resolver(original: AnyFunction, family: 4 | 6, network: VirtualNetwork): AnyFunction {
  return function (this: unknown, ...args: unknown[]): unknown {
    const [hostname, options] = args;
    const onHost = (): unknown => Reflect.apply(original, this, args);
    if (classifyQuery(hostname, network) === 'host') return onHost();
    const name = hostname as string;
    const answer = async (): Promise<unknown> =>
      (await isVirtualAfterWaiting(name, network)) ? resolveVirtual(name, family, options, network) : onHost();
    return answer();
  };
}
