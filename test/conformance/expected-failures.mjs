/**
 * Files of Node's own tests that pass by themselves and do not under the shim, each with why that is as it should be.
 * `npm run conformance` fails when one of them passes: the list only shrinks. `majors`: of Node, default all.
 */
const parallel = (...names) => names.map((name) => `parallel/test-${name}.js`);
const asyncHooks = (...names) => names.map((name) => `async-hooks/test-${name}.js`);
const sequential = (...names) => names.map((name) => `sequential/test-${name}.js`);

export const expectedFailures = [
  {
    reason:
      'Sends a socket or a server to another process: `process.send(message, handle)`. A virtual one has no descriptor.',
    files: parallel(
      'child-process-fork-closed-channel-segfault',
      'child-process-fork-dgram',
      'child-process-fork-getconnections',
      'child-process-fork-net-socket',
      'child-process-fork-net',
      'child-process-http-socket-leak',
      'child-process-send-keep-open',
    ),
  },
  {
    reason:
      'A server at 127.0.0.1 is virtual only here, and is asked by what is not JavaScript of its process: c-ares, or ' +
      'another process. A wildcard one is there for both.',
    files: [
      ...parallel('dns-channel-timeout', 'debugger-unavailable-port'),
      ...sequential('net-response-size'),
      'es-module/test-esm-loader-http-imports.mjs',
    ],
  },
  {
    reason: 'Adopts the descriptor of a bound socket, `bind({ fd })`. A virtual socket has none.',
    files: parallel('dgram-bind-fd'),
  },
  {
    reason:
      'Replaces functions of an internal binding before anything has loaded the module that takes them over. A preload ' +
      'that hooks `dns` and `os` has loaded them.',
    files: parallel(
      'dns-default-order-ipv4',
      'dns-default-order-ipv6',
      'dns-default-order-verbatim',
      'dns-lookup',
      'dns-lookup-promises',
      'dns-lookupService',
      'dns-set-default-order',
      'os-checked-function',
    ),
  },
  {
    reason: "Counts the performance entries of the host's resolver; it is not asked for a virtual name.",
    files: parallel('dns-perf_hooks'),
  },
  {
    reason: 'Replaces a method of the internal class TCPWrap and counts calls; a virtual handle is of another class.',
    files: parallel('net-persistent-nodelay'),
  },
  {
    reason: 'Looks for native trace events of a TCP handle; a virtual connection has none.',
    files: parallel('trace-events-net'),
  },
  {
    reason: 'Looks by async hooks for the types of native handles, such as TCPWRAP; virtual ones are of other types.',
    files: asyncHooks(
      ...['graph.http', 'graph.shutdown', 'graph.tcp', 'graph.tls-write', 'graph.tls-write-12'],
      ...['http-agent-handle-reuse-parallel', 'http-agent-handle-reuse-serial'],
      ...['filehandle-no-reuse', 'shutdownwrap', 'tcpwrap', 'tlswrap', 'udpsendwrap', 'writewrap'],
    ),
  },
  {
    reason:
      'Counts what was made before its first line, by async hooks or in `require.cache`: what a preload has made, too.',
    files: [...asyncHooks('pipewrap', 'querywrap'), 'es-module/test-esm-type-flag-errors.mjs'],
  },
  {
    reason: 'Allows the process to read certain files only, and a preload is not among them.',
    files: [
      ...parallel('permission-fs-read', 'permission-fs-traversal-path', 'permission-fs-wildcard'),
      ...parallel('permission-warning-flags'),
      'es-module/test-cjs-legacyMainResolve-permission.js',
    ],
  },
  {
    reason: 'Sends a connected socket to another process. A virtual one is an object of its own process.',
    files: [
      ...parallel('cluster-net-send', 'cluster-send-socket-to-worker-http-server'),
      ...sequential('cluster-send-handle-large-payload'),
    ],
  },
  {
    reason:
      "Serves by the UDP sockets that workers of cluster share. Theirs are the host's, and clients of the network.",
    files: [...parallel('cluster-dgram-1', 'cluster-dgram-bind-fd'), ...sequential('dgram-bind-shared-ports')],
  },
];
