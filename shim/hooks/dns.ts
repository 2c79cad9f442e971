/**
 * dns.lookup, dns.lookupService, dns.resolve*, dns.reverse, and the same methods of dns.Resolver.
 * Arguments are validated by Node's own functions, called with an address instead of the name.
 */
import dns from 'node:dns';
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
    for (const [type, method] of Object.entries(METHODS)) {
      patches.replace(target, method, (resolve) => resolver(resolve, type, network));
    }
    patches.replace(
      target,
      'resolve',
      (resolve) =>
        function (this: unknown, ...args: unknown[]): unknown {
          const [hostname, ...rest] = args;
          const own = target === dns ? dns : this; // dns.resolve may be called without its module
          const method = methodOf(own, typeof rest[0] === 'function' ? 'A' : rest[0]);
          if (!method || classifyQuery(hostname, network) === 'host') return Reflect.apply(resolve, this, args);
          return Reflect.apply(method, own, [hostname, rest[rest.length - 1]]);
        },
    );
    patches.replace(
      target,
      'reverse',
      (reverse) =>
        function (this: unknown, ...args: unknown[]): unknown {
          const [address, callback] = args as [string, AnyFunction];
          const onHost = (): unknown => Reflect.apply(reverse, this, args);
          if (typeof callback !== 'function' || classifyAddress(address, network) === 'host') return onHost();
          const answer = async (): Promise<unknown[] | undefined> =>
            (await isVirtualAddressAfterWaiting(address, network)) ? reverseOf(address, network) : undefined;
          callBack(answer(), callback, onHost);
          return {};
        },
    );
  }

  patches.replace(dns, 'lookupService', (lookupService) => (...args: unknown[]): unknown => {
    const [address, port, callback] = args as [string, unknown, AnyFunction];
    if (typeof callback !== 'function' || classifyAddress(address, network) === 'host') {
      return Reflect.apply(lookupService, dns, args);
    }
    // The service's name, and the errors of a wrong port, are the host's.
    return lookupService('127.0.0.1', port, (error: unknown, _hostname: string, service: string) => {
      const answer = async (): Promise<string | undefined> =>
        (await isVirtualAddressAfterWaiting(address, network)) ? nameOfAddress(address, network) : undefined;
      answer().then(
        (hostname) =>
          hostname === undefined
            ? lookupService(...args)
            : process.nextTick(callback, null, hostname, error ? String(port) : service),
        (cause: unknown) => process.nextTick(callback, lookupError(address, cause, 'getnameinfo')),
      );
    });
  });
}

function resolver(original: AnyFunction, type: string, network: VirtualNetwork): AnyFunction {
  return function (this: unknown, ...args: unknown[]): unknown {
    const [hostname, options] = args;
    const callback = args[args.length - 1] as AnyFunction;
    const onHost = (): unknown => Reflect.apply(original, this, args);
    if (classifyQuery(hostname, network) === 'host' || typeof callback !== 'function') return onHost();

    const name = hostname as string;
    const answer = async (): Promise<unknown[] | undefined> =>
      (await isVirtualAfterWaiting(name, network)) ? recordsOf(name, type, options, network) : undefined;
    callBack(answer(), callback, onHost);
    return {};
  };
}

/** Through nextTick, so that what a callback throws is an uncaught exception and not an unhandled rejection. */
function callBack(answer: Promise<unknown[] | undefined>, callback: AnyFunction, onHost: () => unknown): void {
  answer.then(
    (found) => process.nextTick(() => (found ? callback(null, found) : onHost())),
    (error: unknown) => process.nextTick(callback, error),
  );
}
