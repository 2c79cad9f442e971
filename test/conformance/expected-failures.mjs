/**
 * Files of Node's own tests that pass by themselves and do not under the shim, each with why that is as it should be.
 * `npm run conformance` fails when one of them passes: the list only shrinks. `majors`: of Node, default all.
 */
const parallel = (...names) => names.map((name) => `parallel/test-${name}.js`);

export const expectedFailures = [
  {
    reason:
      'A child process dials a port of its parent, or the other way round. Each process is a node of its own, with a ' +
      'stack of its own, and the preload makes loopback mean "this node" in each.',
    files: parallel(
      'http-chunk-problem',
      'http-pipeline-flood',
      'http-server-stale-close',
      'https-agent-unref-socket',
      'net-child-process-connect-reset',
      'tls-env-extra-ca',
    ),
  },
  {
    reason:
      'A primary of `cluster` dials a port that its workers serve. A virtual connection cannot be sent to another ' +
      'process, and is refused with a reset.',
    files: parallel('tls-ticket-cluster'),
  },
  {
    reason:
      'Workers of `cluster` bind one UDP port exclusively and expect that the second fails. Virtual ports are of each ' +
      'process, so it does not.',
    files: parallel('dgram-exclusive-implicit-bind'),
  },
  {
    reason: 'Adopts the descriptor of a bound socket, `bind({ fd })`. A virtual socket has none.',
    files: parallel('dgram-bind-fd'),
  },
  {
    reason:
      'Node asks a DNS server of the test on loopback with c-ares, whose packets are native code and go to the host. ' +
      'The server listens there only for the network that the preload puts in its place.',
    files: parallel(
      'dns-channel-timeout',
      'dns-multi-channel',
      'dns-resolveany',
      'http-autoselectfamily',
      'https-autoselectfamily',
    ),
  },
  {
    reason:
      'Replaces functions of the internal c-ares binding before anything has loaded `dns`, which takes them over then. ' +
      'A preload that hooks `dns` has loaded it.',
    files: parallel(
      'dns-default-order-ipv4',
      'dns-default-order-ipv6',
      'dns-default-order-verbatim',
      'dns-lookup',
      'dns-lookup-promises',
      'dns-lookupService',
      'dns-set-default-order',
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
];
