/**
 * An endpoint on the outside of this host's router for one UDP socket, as long as the router gives one. For a node that
 * is behind a NAT; a node that is not has no use for it.
 *
 *   const mapper = new PortMapper({ ...runtime, ...runtime.gateway(), onMapped: (endpoint) => ... });
 *   mapper.start({ internalPort: 40000, family: 4 });    // nothing waits for it; again when the host has moved
 *   mapper.close();                                      // deletes the mapping; need not be waited for
 *
 * Nothing here keeps a process, and where no router offers it nothing is sent any more after some seconds.
 */
import type { Trace } from '../../trace';
import { noTrace } from '../../trace';
import { formatEndpoint, sameEndpoint, type Endpoint } from '../../wire/addresses';
import { MAPPING_PROTOCOLS, type GatewayPorts, type MappingProtocol } from './contract';
import { MappingSession, type SessionReport } from './mapping-session';
import { NONCE_BYTES } from './pcp';

export interface PortMapperOptions extends GatewayPorts {
  /** Called when it has changed; undefined: there is none any more. */
  onMapped(endpoint: Endpoint | undefined): void;
  /** Default: all. IPv6 has PCP only: a hole in the router's firewall. */
  readonly protocols?: readonly MappingProtocol[];
  readonly trace?: Trace;
  /** Who speaks in the trace. */
  readonly part?: string;
}

export interface PortMappingReport extends Omit<SessionReport, 'state'> {
  /** `no gateway`: there is none, or this system does not tell which (it is known on Linux only). */
  readonly state: 'off' | 'no gateway' | SessionReport['state'];
  /** The router's address on this side. */
  readonly gateway?: string;
}

export interface MappedSocket {
  readonly internalPort: number;
  readonly family: 4 | 6;
}

const OFF: PortMappingReport = { state: 'off', refusals: new Map() };

export class PortMapper {
  /** Datagrams that were not believed. */
  readonly drops = { 'not the router': 0, 'not understood': 0 };
  private socket: MappedSocket | undefined;
  private session: MappingSession | undefined;
  private nonce: Uint8Array = new Uint8Array(0);
  private run = 0;
  private current = OFF;
  private endpoint: Endpoint | undefined;
  /** Also of a mapping that is gone: it is asked for again. */
  private lastPort: number | undefined;

  constructor(private readonly options: PortMapperOptions) {}

  /** What is known now. */
  get report(): PortMappingReport {
    return this.current;
  }

  /**
   * Also for another port than before. For the same one after a move: the mapping before is another network's, and is
   * left to its end.
   */
  start(socket: MappedSocket): void {
    const isSame = this.socket?.internalPort === socket.internalPort && this.socket.family === socket.family;
    if (!isSame) {
      void this.session?.close();
      this.nonce = this.options.random.bytes(NONCE_BYTES);
      this.lastPort = undefined;
    }
    this.socket = socket;
    this.begin();
  }

  /** Settled when the router has answered, or soon when it does not. */
  close(): Promise<void> {
    const { session } = this;
    if (!this.socket) return Promise.resolve();
    this.run++;
    this.socket = undefined;
    this.session = undefined;
    this.told(OFF);
    return session?.close() ?? Promise.resolve();
  }

  private begin(): void {
    const run = ++this.run;
    this.session?.abandon();
    this.session = undefined;
    this.told({ state: 'looking', refusals: new Map() });
    this.open(run, this.socket!).catch(() => this.run === run && this.told({ ...OFF, state: 'none' }));
  }

  private async open(run: number, { internalPort, family }: MappedSocket): Promise<void> {
    const gateway = await this.options.findGateway(family);
    if (run !== this.run) return;
    if (!gateway) return this.told({ ...OFF, state: 'no gateway' });
    const { protocols = MAPPING_PROTOCOLS } = this.options;
    this.session = new MappingSession({
      ports: this.options,
      gateway,
      wanted: { internalPort, externalPort: this.lastPort ?? internalPort },
      nonce: this.nonce,
      protocols: family === 6 ? protocols.filter((protocol) => protocol === 'pcp') : protocols,
      onReport: (report) => run === this.run && this.told({ ...report, gateway: gateway.address }),
      onDrop: (reason) => void this.drops[reason]++,
    });
    await this.session.start();
  }

  private told(report: PortMappingReport): void {
    const { trace = noTrace, part = 'port mapping', onMapped } = this.options;
    const before = this.endpoint;
    const { endpoint, state, protocol, gateway, doubleNat, refusals } = report;
    this.current = report;
    this.endpoint = endpoint;
    this.lastPort = endpoint?.port ?? this.lastPort;
    const isSame = before && endpoint ? sameEndpoint(before, endpoint) : before === endpoint;
    if (isSame && (endpoint || state === 'looking')) return;
    const why = refusals.size > 0 ? { refusals: Object.fromEntries(refusals) } : {};
    const details = { protocol, gateway, doubleNat, outside: endpoint && formatEndpoint(endpoint) };
    trace({ part, event: `port mapping ${state}`, ...details, ...why });
    if (!isSame) onMapped(endpoint);
  }
}
