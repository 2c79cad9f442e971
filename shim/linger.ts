/**
 * A connection whose socket is closed and that still has something to say: the kernel would send the rest and the FIN
 * on the app's behalf, even after the process ended. We cannot outlive the process, so it is kept alive until the peer
 * has acknowledged everything, or for a short while.
 */
import type { TcpConnection } from '../core/packet/stack/stack-contract';
import { Hold } from './liveness';

const HOLD_LIMIT_MS = 5_000;
/** How long a peer may leave its half open towards a socket that is gone (Linux: tcp_fin_timeout). */
const ORPHAN_LIMIT_MS = 60_000;

export function linger(connection: TcpConnection, finSent: boolean): void {
  const hold = new Hold(connection);
  const finish = (): void => {
    hold.set(false);
    clearTimeout(holdTimer);
    clearTimeout(orphanTimer);
  };
  let aborted = false;
  const abort = (): void => {
    if (aborted) return;
    aborted = true;
    finish();
    connection.abort();
  };
  const releaseWhenAcknowledged = (): void => {
    if (connection.unacknowledgedLength === 0) hold.set(false);
  };
  const holdTimer = setTimeout(() => hold.set(false), HOLD_LIMIT_MS);
  const orphanTimer = setTimeout(abort, ORPHAN_LIMIT_MS);
  holdTimer.unref();
  orphanTimer.unref();
  hold.set(true);
  connection.setEvents({
    connected() {},
    received: () => setImmediate(abort), // nobody will read it: RST, as the kernel answers
    ended() {},
    drained: releaseWhenAcknowledged,
    failed: finish,
    closed: finish,
  });
  if (!finSent) connection.shutdown();
  releaseWhenAcknowledged();
}
