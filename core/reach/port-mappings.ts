/** Endpoints that a router maps to a node's UDP sockets (port-mapping/), while the node is behind a NAT or a firewall. */
import type { DatagramPort, Runtime } from '../runtime';
import type { Trace } from '../trace';
import type { Endpoint } from '../wire/addresses';
import type { PortMapper } from './port-mapping/port-mapper';

/** Where there is no router to ask, as in simulations, some of it is missing. */
export type RouterRuntime = Pick<Runtime, 'clock' | 'timers' | 'random'> &
  Partial<Pick<Runtime, 'openDatagramPort' | 'gateway'>>;

export interface PortMappingsOptions {
  readonly runtime: RouterRuntime;
  readonly trace: Trace;
  readonly part: string;
  readonly sockets: readonly DatagramPort[];
  /** Those of one socket's router; none: not any more. */
  onMapped(by: string, endpoints: readonly Endpoint[]): void;
}

export class PortMappings {
  private readonly mappers: PortMapper[] = [];

  constructor(private readonly options: PortMappingsOptions) {}

  /** Strangers do not reach this node as it is. Asked once; what the router gives is kept until the end. */
  begin(): void {
    if (this.mappers.length > 0) return;
    const { runtime, trace, part, sockets, onMapped } = this.options;
    const { clock, timers, random, openDatagramPort } = runtime;
    const access = openDatagramPort && runtime.gateway?.();
    if (!access) return;
    // Most nodes have no use for it, and programs are to start soon.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const loaded = require('./port-mapping/port-mapper') as typeof import('./port-mapping/port-mapper');
    for (const { family, local } of sockets) {
      const mapper = new loaded.PortMapper({
        ...{ clock, timers, random, openDatagramPort, ...access, trace, part },
        onMapped: (endpoint) => onMapped(`router, IPv${family}`, endpoint ? [endpoint] : []),
      });
      mapper.start({ internalPort: local.port, family });
      this.mappers.push(mapper);
    }
  }

  /** The host has changed its network: another router, or none. */
  hostMoved(): void {
    for (const mapper of this.mappers) mapper.gatewayChanged();
  }

  /** What was mapped is given back; nothing waits for that. */
  close(): void {
    for (const mapper of this.mappers.splice(0)) void mapper.close();
  }
}
