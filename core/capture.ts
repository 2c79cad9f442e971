/** Who looks on at the packets between the virtual stack and the tunnels. */
import type { VirtualAddresses } from './wire/addresses';

export interface Capture {
  /** `packet` is copied. */
  packet(packet: Uint8Array, direction: 'in' | 'out'): void;
  /** Whose packets those are from now on; a name once told is not told again. */
  name(fqdn: string, addresses: VirtualAddresses): void;
  close(): void;
}
