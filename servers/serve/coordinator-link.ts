/** What NS, RS and CS share: the coordinator that they work for. */
import { nodeTimers } from '../../core/runtime-node';
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import type { Body } from '../../core/wire/messages';
import type { Peer } from '../../core/wire/peers';
import type { Signalling } from '../../core/wire/signalling';
import { Reporter } from '../reporter';
import type { TrustedServer } from '../server-ports';
import type { ServeContext } from './served';
import type { Settings } from './settings';

type Coordinator = Settings<'rs'>['coordinator'];

export function trustedCoordinator({ zone, key }: Coordinator): TrustedServer {
  return { party: 'dc', name: `dc.${zone}`, publicKey: key };
}

export interface CoordinatorLink {
  now(): Promise<boolean>;
  stop(): void;
  ailment(): string | undefined;
}

/** Reports at once, and again and again. A coordinator that does not answer yet is waited for. */
export async function reportTo(
  { endpoint }: Coordinator,
  { signalling, coordinator: peer }: { readonly signalling: Signalling<Endpoint>; readonly coordinator: Peer },
  { log }: ServeContext,
  report: () => Body<'serverReport'>,
  onRestart?: () => void,
): Promise<CoordinatorLink> {
  const reporter = new Reporter(nodeTimers, signalling, { peer, endpoint }, report, onRestart);
  const silent = `the coordinator at ${formatEndpoint(endpoint)} does not answer; does it know this server's key?`;
  if (!(await reporter.start())) log(silent);
  return {
    now: () => reporter.now(),
    stop: () => reporter.stop(),
    ailment: () => (reporter.isAnswered ? undefined : silent),
  };
}
