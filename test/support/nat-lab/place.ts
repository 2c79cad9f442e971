/** A place: the situation of a host in the network. One file for each in places/; places.ts lists them. */
import type { Gateway } from './gateway';
import type { Family } from './internet';

export interface Place {
  readonly name: string;
  readonly about: string;
  /** IP versions of its line to the internet. Behind gateways: IPv4 alone. */
  readonly families: readonly Family[];
  /** What is in between, from the host outwards; default: nothing. */
  readonly gateways?: readonly Gateway[];
  /** Places of one site share its gateways; default: a site of its own. */
  readonly site?: string;
  /** Which of the site's hosts; default 1. */
  readonly host?: number;
  /** Which of the site's innermost gateways the host is behind, where each customer has one; default 1. */
  readonly home?: number;
  /** The hosts of the site do not reach each other but through the gateway, as guests of a WLAN. */
  readonly isolated?: boolean;
  /** Of the line to the internet, its first three numbers; default: a network for documentation. */
  readonly line?: string;
  /** The first three numbers of its private network; default: one that no other site has. */
  readonly network?: string;
  /** For `nft -f`, on the host itself. */
  readonly firewall?: string;
  /** sysctl of the host. */
  readonly settings?: readonly string[];
}

export const siteOf = (place: Place): string => place.site ?? place.name;

export const passesUdp = ({ gateways = [] }: Place): boolean => gateways.every(({ udp }) => udp);

/** Another outside port for another destination, at some gateway on the way that maps none for who asks. */
export const isSymmetric = ({ gateways = [] }: Place): boolean =>
  gateways.some(({ udp, mapsPorts }) => !mapsPorts && udp !== undefined && udp.mapping !== 'endpoint-independent');

/** Two that are behind one gateway, and reach each other only if it sends back what is for its own outside address. */
export function needHairpin(a: Place, b: Place): boolean {
  const areNeighbours = a !== b && siteOf(a) === siteOf(b);
  return areNeighbours && (a.isolated === true || a.home !== b.home);
}
