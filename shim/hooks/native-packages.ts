/**
 * Meets packages that bypass Node's sockets (native-packages.ts), whether they are required or imported; a program
 * without them pays one look into a table for each CommonJS module that it loads.
 *
 * The JavaScript path must be chosen before a package's native code is loaded, and require-in-the-middle does that. It
 * costs 13 ms to load and a little on each require after it: so it waits for the first such package. It sees no `import`;
 * Node 20 to 26 load what an `import` finds to be CommonJS by Module._load, with its file and no parent.
 *
 * The warning is for what is really loaded, and process.dlopen is where all native code comes through, however its
 * package was found. Of a package that has both, its JavaScript stays unwarned.
 */
import Module from 'node:module';
import type { Patches } from '../patch';
import { bypassingPackage, javaScriptPaths, packageOfFile, warningOf } from '../native-packages';

type Load = (request: string, parent: NodeJS.Module | undefined, isMain: boolean) => unknown;

export function hookNativePackages(patches: Patches, warns: boolean): void {
  const met = new Set<string>();
  patches.replace(
    Module,
    '_load',
    (load) =>
      function (this: unknown, ...args: Parameters<Load>): unknown {
        const request = args[0]; // without the iterator of arrays, which programs have removed
        const parent = args[1];
        const name = parent ? request : packageOfFile(request);
        const chosen = name !== undefined && Object.hasOwn(javaScriptPaths, name);
        if (!chosen || (parent && met.has(name))) return Reflect.apply(load, this, args);
        if (!met.has(name)) meet(name);
        met.add(name);
        // Comes back here from require-in-the-middle, with a parent.
        return parent ? parent.require(request) : Module.createRequire(request)(request);
      },
  );

  if (!warns) return;
  const warned = new Set<string>();
  patches.replace(
    process,
    'dlopen',
    (dlopen) =>
      function (this: unknown, ...args: unknown[]): unknown {
        const result: unknown = Reflect.apply(dlopen, this, args);
        const name = bypassingPackage(String(args[1]));
        if (name !== undefined && !warned.has(name)) {
          warned.add(name);
          process.emitWarning(warningOf(name), { code: 'NTM_NATIVE_SOCKETS' });
        }
        return result;
      },
  );
}

function meet(name: string): void {
  const { Hook } = require('require-in-the-middle') as {
    Hook: new (names: string[], options: object, onRequire: (exports: object) => object) => unknown;
  };
  const { forcedBy, avoid } = javaScriptPaths[name]!;
  Reflect.deleteProperty(process.env, forcedBy);
  new Hook([name], { internals: false }, (exports) => {
    avoid(exports);
    return exports;
  });
}
