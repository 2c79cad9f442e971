/**
 * Meets packages that bypass Node's sockets (native-packages.ts) when they are required.
 * Loading require-in-the-middle costs 13 ms and each require after it a little: so it waits for the first of them, and
 * until then a require costs one look into a table.
 */
import Module from 'node:module';
import type { Patches } from '../patch';
import { nativePackages, packageOf, warningOf } from '../native-packages';

export function hookNativePackages(patches: Patches): void {
  const hooked = new Set<string>();
  patches.replace(
    Module.prototype,
    'require',
    (require) =>
      function (this: NodeJS.Module, ...args: unknown[]): unknown {
        const name = typeof args[0] === 'string' ? packageOf(args[0]) : undefined;
        if (name === undefined || hooked.has(name)) return Reflect.apply(require, this, args);
        hooked.add(name);
        meet(name);
        return this.require(args[0] as string); // again, through require-in-the-middle
      },
  );
}

function meet(name: string): void {
  const { Hook } = require('require-in-the-middle') as {
    Hook: new (names: string[], options: object, onRequire: (exports: object) => object) => unknown;
  };
  const entry = nativePackages[name]!;
  if (entry.has === 'a JavaScript path') Reflect.deleteProperty(process.env, entry.forcedBy);
  new Hook([name], { internals: false }, (exports) => {
    if (entry.has === 'a JavaScript path') entry.avoid(exports);
    else process.emitWarning(warningOf(name));
    return exports;
  });
}
