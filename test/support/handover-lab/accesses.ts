/** The access networks of mobile hosts, and how far away they are. */
import { placeOf } from '../nat-lab/places';
import type { Access } from './mobile-host';

/** One way: to the internet and back it takes twice as long. */
const WIFI_MS = 2.5;
const LTE_MS = 15;
/** GTP takes its part of what the carrier's network carries. */
const LTE_MTU = 1_430;

export const wifi: Access = { name: 'wifi', place: placeOf('port-restricted'), delayMs: WIFI_MS, metric: 100 };
export const lte: Access = { name: 'lte', place: placeOf('cone'), delayMs: LTE_MS, mtu: LTE_MTU, metric: 200 };
/** A home whose NAT has another port for every destination. */
export const wifiSymmetric: Access = { ...wifi, name: 'wifisym', place: placeOf('symmetric'), metric: 110 };
/** A carrier whose NAT has another port for every destination. */
export const lteSymmetric: Access = { ...lte, name: 'ltesym', place: placeOf('symmetric'), metric: 210 };
/** A public address, nothing in between. */
export const wired: Access = { name: 'wired', place: placeOf('open'), delayMs: 1, metric: 50 };
export const ipv6Only: Access = { name: 'ipv6', place: placeOf('ipv6-only'), delayMs: LTE_MS, metric: 150 };
/** A guest network that lets nothing out but TLS. */
export const guest: Access = { name: 'guest', place: placeOf('udp-blocked'), delayMs: WIFI_MS, metric: 120 };
/** Of a correspondent node that stays: public addresses of both IP versions. */
export const dual: Access = { name: 'dual', place: placeOf('dual'), delayMs: 1, metric: 50 };

export const MOBILE: readonly Access[] = [wifi, wifiSymmetric, lte, lteSymmetric, wired, ipv6Only, guest];
export const CORRESPONDENT: readonly Access[] = [dual, wifi, lte, lteSymmetric];
