/**
 * A gateway between a private network (interface `inside`) and the outside (`outside`): IPv4, by nftables.
 * How NATs differ is said in the words of RFC 4787 (UDP): mapping in section 4.1, filtering in section 5.
 */
export type Dependence = 'endpoint-independent' | 'address-dependent' | 'address and port-dependent';

export interface Gateway {
  readonly about: string;
  /** Of UDP; undefined: none passes. */
  readonly udp: { readonly mapping: Dependence; readonly filtering: Dependence } | undefined;
  /** For `nft -f`. */
  readonly rules: string;
  /** sysctl of its namespace. */
  readonly settings?: readonly string[];
  /** What its hosts send to each other's outside endpoints comes back inside, from the sender's (RFC 4787 REQ-9). */
  readonly hairpins?: boolean;
  /** It maps a port to who asks for one (PCP, NAT-PMP, UPnP-IGD). */
  readonly mapsPorts?: boolean;
  /** What else runs in its namespace for as long as it is there: commands with their arguments. */
  readonly programs?: readonly (readonly string[])[];
}

export interface RuleOptions {
  /** How outside ports are chosen; default: the inside port if it is free. */
  readonly masquerade?: string;
  /** Statements about packets that are to be forwarded, before the usual ones. */
  readonly forward?: readonly string[];
  /** Who is let in from outside; default: what belongs to what was begun inside. */
  readonly letIn?: readonly string[];
  /** Statements about packets from outside, before they are routed. */
  readonly arriving?: readonly string[];
  /** Maps and sets. */
  readonly state?: readonly string[];
}

/**
 * What is for the gateway itself is dropped silently: were it refused by ICMP, Linux would remember that "connection",
 * and could not map a later packet of the inside to the same outside port.
 */
export function gatewayRules(options: RuleOptions = {}): string {
  const { masquerade = 'masquerade', forward = [], letIn = [], arriving = [], state = [] } = options;
  return `
    table ip gateway {
      ${state.join('\n')}
      chain own {
        type filter hook input priority 0
        iifname "outside" ct state new drop
      }
      chain through {
        type filter hook forward priority 0; policy drop
        ${forward.join('\n')}
        iifname "inside" accept
        ct state established,related accept
        ${letIn.join('\n')}
      }
      chain arriving {
        type nat hook prerouting priority -100
        ${arriving.join('\n')}
      }
      chain leaving {
        type nat hook postrouting priority 100
        oifname "outside" ${masquerade}
      }
    }`;
}

/** Linux forgets mappings that the gateway keeps by itself, too, when nothing was sent for so long (RFC 4787 REQ-5). */
const MAPPING = 'flags dynamic,timeout; timeout 2m';

/**
 * Filtering that depends on less than the state of a connection: the gateway remembers which inside host has an outside
 * port, which is the inside one, and forwards to it what `admitted` accepts.
 */
export function rememberingRules(admitted: string): string {
  return gatewayRules({
    state: [
      `map mapped { type inet_service : ipv4_addr; ${MAPPING}; }`,
      `set sent { type inet_service . ipv4_addr; ${MAPPING}; }`,
    ],
    forward: [
      'iifname "inside" meta l4proto udp update @mapped { udp sport : ip saddr }',
      'iifname "inside" meta l4proto udp update @sent { udp sport . ip daddr }',
    ],
    arriving: [`iifname "outside" meta l4proto udp ${admitted} dnat to udp dport map @mapped`],
    letIn: ['ct status dnat accept'],
  });
}

/** Of the hosts behind gateways. */
const PRIVATE = '{ 10.0.0.0/8, 100.64.0.0/10, 192.168.0.0/16 }';

/** Beside `rememberingRules`, for a gateway with this outside address. */
export function hairpinRules(outside: string): string {
  return `
    table ip gateway {
      chain turning {
        type nat hook prerouting priority -100
        iifname "inside" ip daddr ${outside} meta l4proto udp dnat to udp dport map @mapped
      }
      chain unmapped {
        type filter hook input priority 0
        iifname "inside" ip daddr ${outside} meta l4proto udp drop
      }
      chain turned {
        type nat hook postrouting priority 100
        oifname "inside" ip saddr ${PRIVATE} ct original ip daddr ${outside} snat to ${outside}
      }
    }`;
}
