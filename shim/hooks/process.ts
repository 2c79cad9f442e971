/**
 * What keeps a process alive, as Node tells it: virtual sockets, and not the timer and the port that do it for them.
 * process.getActiveResourcesInfo() and process._getActiveHandles(), which is what tools ask that look for leaks.
 */
import { pollPort } from '../../core/poll-phase';
import { heldSockets, holdCount } from '../liveness';
import type { AnyFunction } from '../node-internals';
import type { Patches } from '../patch';

export function hookProcess(patches: Patches): void {
  patches.replace(process, 'getActiveResourcesInfo', (resources: AnyFunction) => (): string[] => {
    const shown = resources() as string[];
    if (holdCount() > 0) remove(shown, 'Timeout');
    if (pollPort()) remove(shown, 'MessagePort');
    return [...heldSockets().map(() => 'TCPSocketWrap'), ...shown];
  });
  patches.replace(process, '_getActiveHandles', (handles: AnyFunction) => (): object[] => {
    const port = pollPort();
    return [...(handles() as object[]).filter((handle) => handle !== port), ...heldSockets()];
  });
}

function remove(shown: string[], one: string): void {
  const index = shown.lastIndexOf(one);
  if (index >= 0) shown.splice(index, 1);
}
