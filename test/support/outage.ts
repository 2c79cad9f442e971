/** Waiting for what programs say from some moment on, while servers come and go. */
import { Network } from './network';
import type { Program } from './processes';
import type { TraceLine } from './trace-watch';

/** The first line that `wanted` accepts among those said from now on; with `times`, after so many that it does. */
export async function next(program: Program, wanted: (line: string) => boolean, times = 1): Promise<string> {
  const from = program.lines.length;
  const found = (): string[] => program.lines.slice(from).filter(wanted);
  await program.line(() => found().length >= times);
  return found()[times - 1]!;
}

/** The servers of a network in another process: same directory, so the same accounts, keys and join URL. */
export async function restart(network: Network): Promise<Network> {
  const accounts = network.join.accounts.map(({ name }) => name);
  return Network.start(accounts, network.dir);
}

/** A predicate for lines that hold all of these. */
export function says(...parts: string[]): (line: string) => boolean {
  return (line) => parts.every((part) => line.includes(part));
}

/** How often a node has asked the AS to look at its password: a retransmission asks nothing new. */
export function loginsIn(trace: TraceLine[]): number {
  const asks = ({ event, message, retry }: TraceLine): boolean =>
    event === 'send' && message === 'Configuration Request' && retry === undefined;
  return trace.filter(asks).length;
}
