/** What a gateway does for `ntmobile netcheck`: maps a port of its own to this host, when it is asked. */
export interface PortMapping {
  readonly protocol: 'PCP' | 'NAT-PMP' | 'UPnP-IGD';
  /** Address and port at which this host can be reached, as text. */
  readonly outside: string;
}

/** Asks the gateway for a mapping and gives it back at once. Never rejects. */
export type PortMappingCheck = () => Promise<PortMapping | 'none'>;

/** Undefined: netcheck does not look, and says so. */
export const checkPortMapping: PortMappingCheck | undefined = undefined;
