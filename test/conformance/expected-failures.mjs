/**
 * Files of Node's own tests that pass by themselves and do not under the shim, each with why that is as it should be.
 * `npm run conformance` fails when one of them passes: the list only shrinks. `majors`: of Node, default all.
 */
export const expectedFailures = [
  {
    reason:
      'A child process dials a port of its parent, or the other way round. Each process is a node of its own, with a ' +
      'stack of its own, and the preload makes loopback mean "this node" in each.',
    files: [
      'parallel/test-http-chunk-problem.js',
      'parallel/test-http-pipeline-flood.js',
      'parallel/test-http-server-stale-close.js',
      'parallel/test-net-child-process-connect-reset.js',
    ],
  },
  {
    reason:
      'Attaches an HTTP parser to the native handle of a socket whose host is still being looked up. Who knows a ' +
      'virtual address only after a lookup gets another handle then; a name of the network has its own from the start.',
    files: ['parallel/test-http-parser-timeout-reset.js'],
  },
  {
    reason:
      'Depends on ticks that run between two callbacks of one parser call. They do when native code has called it; a ' +
      'virtual stream is JavaScript, and ticks never run below JavaScript.',
    files: ['parallel/test-http-pause-no-dump.js'],
  },
  {
    reason: 'Replaces a method of the internal class TCPWrap and counts calls; a virtual handle is of another class.',
    files: ['parallel/test-net-persistent-nodelay.js'],
  },
];
