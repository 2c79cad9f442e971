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
  private readonly mappers = new Map<4 | 6, PortMapper>();
  private hasBegun = false;

  constructor(private readonly options: PortMappingsOptions) {}

  /** Strangers do not reach this node as it is. Asked once; what the router gives is kept until the end. */
  begin(): void {
    if (this.hasBegun) return;
    this.hasBegun = true;
    this.map();
  }

  /** The host has changed its network: another router, or none. And perhaps other sockets. */
  hostMoved(): void {
    if (this.hasBegun) this.map();
  }

  /** What was mapped is given back; nothing waits for that. */
  close(): void {
    for (const mapper of this.mappers.values()) void mapper.close();
    this.mappers.clear();
  }

  private map(): void {
    for (const { family, local } of this.options.sockets) {
      const mapper = this.mappers.get(family) ?? this.mapperFor(family);
      mapper?.start({ internalPort: local.port, family });
    }
  }

  private mapperFor(family: 4 | 6): PortMapper | undefined {
    const { runtime, trace, part, onMapped } = this.options;
    const { clock, timers, random, openDatagramPort } = runtime;
    const access = openDatagramPort && runtime.gateway?.();
    if (!access) return undefined;
    // Most nodes have no use for it, and programs are to start soon.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const loaded = require('./port-mapping/port-mapper') as typeof import('./port-mapping/port-mapper');
    const mapper = new loaded.PortMapper({
      ...{ clock, timers, random, openDatagramPort, ...access, trace, part },
      onMapped: (endpoint) => onMapped(`router, IPv${family}`, endpoint ? [endpoint] : []),
    });
    this.mappers.set(family, mapper);
    return mapper;
  }
}
