/** Programs in a network namespace that has only loopback, and all ports of it for themselves. */

const ALONE = 'ip link set lo up && exec "$0" "$@"';

/** The command that runs this one so, by unshare(1), as root or where users may make namespaces. */
export function aloneOnLoopback(command) {
  const user = process.getuid() === 0 ? [] : ['--user', '--map-root-user'];
  return ['unshare', ...user, '--net', 'sh', '-c', ALONE, ...command];
}
