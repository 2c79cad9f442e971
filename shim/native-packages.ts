/**
 * Packages that open sockets in native code, which no hook of ours sees. Where a package has a JavaScript path, that is
 * taken; of the others one warning each, when their native code is loaded, tells that they do not reach NTMobile names.
 *
 * Left alone, for they open no socket of their own or the program's data decides: the helpers of `ws` (bufferutil,
 * utf-8-validate) and of redis (hiredis parses only), sodium-native, better-sqlite3, Unix sockets (unix-dgram), capture
 * (pcap), and `libsql`, whose one binary serves files as well as `syncUrl` (`@libsql/client/http` is JavaScript).
 */

/** What chooses the JavaScript path of a package, by the name that programs require. */
export interface JavaScriptPath {
  /** A variable that would have it native. */
  readonly forcedBy: string;
  /** Makes its exports stay in JavaScript. */
  avoid(exports: object): void;
}

export const javaScriptPaths: Readonly<Record<string, JavaScriptPath>> = {
  // pg 8 (lib/index.js): `pg.native` is a getter that requires pg-native, thus libpq. Knex's `pgnative`, pg-promise's
  // `pgNative` and Sequelize's `native` come here too; so does each `import 'pg'` from Node 24 on, which reads all exports.
  pg: { forcedBy: 'NODE_PG_FORCE_NATIVE', avoid: (pg) => redefine(pg, 'native', pg) },
};

/**
 * By the package whose binary is loaded: what does the same over Node's sockets, if anything does.
 * The binary may be in a package of the platform's: NAME-linux-x64, or @NAME/....
 */
const bypassing: Readonly<Record<string, string | undefined>> = {
  libpq: 'pg without pg-native', // the binary below pg-native: PostgreSQL's C client
  grpc: '@grpc/grpc-js', // gRPC core in C++, at its end since 2021
  zeromq: undefined, // 5 and 6: libzmq has I/O threads with sockets of their own
  nanomsg: undefined, // the C library of that name
  'udx-native': undefined, // libudx: libuv's UDP, below Node's
  'utp-native': undefined, // libutp: libuv's UDP, below Node's
  'uWebSockets.js': 'ws', // uSockets: epoll or kqueue of its own
  'node-rdkafka': 'kafkajs', // librdkafka
  '@confluentinc/kafka-javascript': 'kafkajs', // librdkafka
  'node-libcurl': 'fetch, undici or got', // libcurl
  '@valkey/valkey-glide': 'ioredis', // a client in Rust
  couchbase: undefined, // since 3: a client in C++
  aerospike: undefined, // its C client
  oracledb: 'its Thin mode, without initOracleClient(),', // since 6 the binary is loaded for the Thick mode only
  ibm_db: undefined, // Db2's CLI driver
  odbc: undefined, // ODBC's driver manager
  msnodesqlv8: 'tedious', // ODBC
  nodegit: 'isomorphic-git', // libgit2
  'node-datachannel': undefined, // libdatachannel: WebRTC in C++
  wrtc: undefined, // libwebrtc
  '@roamhq/wrtc': undefined, // libwebrtc
  'raw-socket': undefined, // raw IP sockets
};

/** The package that a file is of; undefined outside of `node_modules`. */
export function packageOfFile(file: string): string | undefined {
  const [, inside] = /.*[\\/]node_modules[\\/](.*)/s.exec(file) ?? [];
  if (inside === undefined) return undefined;
  const parts = inside.split(/[\\/]/, 2);
  return inside.startsWith('@') ? parts.join('/') : parts[0];
}

/** Whose native code the file is: a name of the table above. */
export function bypassingPackage(file: string): string | undefined {
  const name = packageOfFile(file);
  if (name === undefined || Object.hasOwn(bypassing, name)) return name;
  const isOfPlatform = (each: string): boolean =>
    name.startsWith(`${each}-${process.platform}`) || name.startsWith(`@${each}/`);
  return Object.keys(bypassing).find(isOfPlatform);
}

export function warningOf(name: string): string {
  const instead = bypassing[name] === undefined ? '' : `; ${bypassing[name]} does`;
  return `ntmobile: ${name} opens its sockets in native code and does not reach NTMobile names${instead}`;
}

function redefine(target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, configurable: true, enumerable: false, writable: true });
}
