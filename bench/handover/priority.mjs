/** What else runs on the machine waits: a gap is to be of the network's making, not of the scheduler's. */
import { writeFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';

/** Of all processes of a session together, where the kernel groups them so (sched(7), "The autogroup feature"). */
export const SESSION_FIRST = 'echo -20 > /proc/self/autogroup';

/** A process and its session, and so all that it starts from now on. */
export function putFirst(pid = process.pid) {
  setPriority(pid, constants.priority.PRIORITY_HIGHEST);
  try {
    writeFileSync(`/proc/${pid}/autogroup`, '-20');
  } catch {
    // this kernel has no such groups
  }
}
