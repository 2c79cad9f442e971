/** What a router does for `ntmobile netcheck`: it is asked for a mapping, which is given back at once. */
import { PortMapper } from '../../core/reach/port-mapping/port-mapper';
import { holdProcess, nodeRuntime } from '../../core/runtime-node';
import type { GatewayAccess } from '../../core/runtime';
import { formatEndpoint } from '../../core/wire/addresses';

/** Routers that map answer soon; that none does is known after ten seconds only. */
const PATIENCE_MS = 3_000;
const NAMES = { pcp: 'PCP', 'nat-pmp': 'NAT-PMP', upnp: 'UPnP-IGD' } as const;

export interface PortMapping {
  readonly protocol: (typeof NAMES)[keyof typeof NAMES];
  /** Address and port at which this host can be reached, as text. */
  readonly outside: string;
}

/** Asks the router for a mapping of an IPv4 socket. Never rejects. */
export async function checkPortMapping(): Promise<PortMapping | 'none'> {
  const access = nodeRuntime.gateway?.();
  if (!access) return 'none';
  const release = holdProcess();
  try {
    return await check(access);
  } finally {
    release();
  }
}

async function check(access: GatewayAccess): Promise<PortMapping | 'none'> {
  const socket = await nodeRuntime
    .openDatagramPort({ family: 4, onDatagram() {}, onSendError() {} })
    .catch(() => undefined);
  if (!socket) return 'none';
  const mapper = await new Promise<PortMapper>((resolve) => {
    const asked = new PortMapper({ ...nodeRuntime, ...access, onMapped: () => resolve(asked) });
    asked.start({ internalPort: socket.local.port, family: 4 });
    nodeRuntime.timers.schedule(PATIENCE_MS, () => resolve(asked));
  });
  const { endpoint, protocol } = mapper.report;
  await mapper.close();
  socket.close();
  return endpoint && protocol ? { protocol: NAMES[protocol], outside: formatEndpoint(endpoint) } : 'none';
}
