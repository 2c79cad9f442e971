/**
 * Packages that open sockets in native code, which no hook of ours sees. Where a package has a JavaScript path, that is
 * taken; of the others one warning each tells that they do not reach NTMobile names.
 */
export type NativePackage =
  /** `avoid` makes the package's exports stay in JavaScript; `forcedBy` is a variable that would have it native. */
  | { readonly has: 'a JavaScript path'; readonly forcedBy: string; avoid(exports: object): void }
  | { readonly has: 'no JavaScript path'; readonly instead?: string };

const bypasses = (instead?: string): NativePackage => ({
  has: 'no JavaScript path',
  ...(instead !== undefined && { instead }),
});

export const nativePackages: Readonly<Record<string, NativePackage>> = {
  // `pg.native` is a getter that loads pg-native (libpq); pg itself has the same interface.
  pg: {
    has: 'a JavaScript path',
    forcedBy: 'NODE_PG_FORCE_NATIVE',
    avoid: (pg) => redefine(pg, 'native', pg),
  },
  'pg-native': bypasses('pg, without NODE_PG_FORCE_NATIVE'),
  libpq: bypasses('pg'),
  grpc: bypasses('@grpc/grpc-js'),
  zeromq: bypasses(),
  nanomsg: bypasses(),
  'udx-native': bypasses(),
  'utp-native': bypasses(),
  'uWebSockets.js': bypasses('ws'),
  'node-rdkafka': bypasses('kafkajs'),
  '@confluentinc/kafka-javascript': bypasses('kafkajs'),
  'node-libcurl': bypasses('fetch, undici or got'),
  '@valkey/valkey-glide': bypasses('ioredis'),
  couchbase: bypasses(),
  aerospike: bypasses(),
  ibm_db: bypasses(),
  msnodesqlv8: bypasses('tedious'),
  odbc: bypasses(),
  nodegit: bypasses('isomorphic-git'),
  'node-datachannel': bypasses(),
  '@roamhq/wrtc': bypasses(),
  'raw-socket': bypasses(),
};

/** `zeromq/lib/x` is of `zeromq`; `@a/b/c` of `@a/b`; paths and builtins are of none. */
export function packageOf(request: string): string | undefined {
  if (request.startsWith('.') || request.startsWith('/')) return undefined;
  const parts = request.split('/', 2);
  const name = request.startsWith('@') ? parts.join('/') : parts[0]!;
  return Object.hasOwn(nativePackages, name) ? name : undefined;
}

export function warningOf(name: string): string {
  const entry = nativePackages[name];
  const instead = entry?.has === 'no JavaScript path' && entry.instead ? `; ${entry.instead} does` : '';
  return `ntmobile: ${name} opens its sockets in native code and does not reach NTMobile names${instead}`;
}

function redefine(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, configurable: true, enumerable: false, writable: true });
}
