/**
 * THE table of signalling messages: the single source of the codec, the dump and PROTOCOL.md.
 * Names are the paper's. Each entry gives the type number, the paper's steps by who sends to whom, and the body.
 *
 * A `request` is retransmitted until it is answered, a `response` answers one, a `oneway` is sent once.
 * Route Direction and its acknowledgement are both: towards CN a request and its response (Figure 5 steps 12, 13);
 * towards MN the response to the Direction Request, and a oneway (steps 15, 16). So a lost datagram on that side
 * is mended by MN's own retransmission, and the DC keeps no timer for it.
 */
import * as v from 'valibot';
import { accountMessages } from './account-messages';
import {
  bytes,
  directionId,
  endpoint,
  endpoints,
  fqdn,
  key,
  label,
  natural,
  nothing,
  pathId,
  route,
  text,
  virtualAddresses,
} from './fields';
import { step, type MessageSpec, type PaperStep, type Party } from './message-spec';
import { refusalCodes } from './refusals';

export type { MessageSpec, PaperStep, Party } from './message-spec';
export type { RefusalCode } from './refusals';
export { refusalCodes } from './refusals';

export const messages = {
  configurationRequest: {
    type: 1,
    title: 'Configuration Request',
    steps: [step(4, 2, 'node', 'as')],
    body: v.object({ account: label, node: v.nullable(label), password: text(256) }),
  },
  configurationResponse: {
    type: 2,
    title: 'Configuration Response',
    steps: [step(4, 3, 'as', 'node')],
    /** `domains`: the suffixes of NTMobile names. `networks`: CIDR blocks of virtual addresses. */
    body: v.object({
      fqdn,
      domains: v.pipe(v.array(fqdn), v.maxLength(8)),
      networks: v.pipe(v.array(text(49)), v.maxLength(8)),
      challenge: bytes(16),
    }),
  },
  loginRequest: {
    type: 3,
    title: 'Login Request',
    steps: [step(4, 5, 'node', 'as')],
    /**
     * `publicKey`: the node's WireGuard static key, which the DC introduces to correspondent nodes.
     * `instance`: of this program, chosen at its start. `yielding`: only if no other program has the name now.
     */
    body: v.object({
      ...{ challenge: bytes(16), publicKey: key },
      ...{ instance: v.optional(bytes(8)), yielding: v.optional(v.boolean()) },
    }),
  },
  loginResponse: {
    type: 4,
    title: 'Login Response',
    steps: [step(4, 8, 'as', 'node')],
    /** `key`: the shared key between MN and DC_MN. */
    body: v.object({ coordinator: fqdn, endpoints, key }),
  },
  keyDistribution: {
    type: 5,
    title: 'Key Distribution',
    steps: [step(4, 6, 'as', 'dc'), step(5, 4, 'dc', 'dc')],
    /** `instance`, `yielding`: of the Login Request. */
    body: v.object({
      ...{ fqdn, publicKey: key, key },
      ...{ instance: v.optional(bytes(8)), yielding: v.optional(v.boolean()) },
    }),
  },
  keyDistributionAck: {
    type: 6,
    title: 'Key Distribution Ack',
    steps: [step(4, 7, 'dc', 'as'), step(5, 5, 'dc', 'dc')],
    body: nothing,
  },
  registrationRequest: {
    type: 7,
    title: 'Registration Request',
    steps: [step(4, 9, 'node', 'dc')],
    /**
     * `endpoints`: of the node's own interfaces. `lifetimeMs` 0 ends the registration
     * (as in RFC 5944) and, sent as the node's process ends, is not answered.
     */
    body: v.object({ endpoints, lifetimeMs: natural(86_400_000), route }),
  },
  registrationResponse: {
    type: 8,
    title: 'Registration Response',
    steps: [step(4, 12, 'dc', 'node')],
    /** `observed`: the source that the DC saw. `notification`: where and with which key to register at the NS. */
    body: v.object({
      addresses: virtualAddresses,
      observed: endpoint,
      keepAliveMs: natural(86_400_000),
      notification: v.nullable(v.object({ endpoints, key })),
    }),
  },
  notificationServiceRequest: {
    type: 9,
    title: 'Notification Service Request',
    steps: [step(4, 10, 'dc', 'ns')],
    body: v.object({ fqdn, key }),
  },
  notificationServiceAck: {
    type: 10,
    title: 'Notification Service Ack',
    steps: [step(4, 11, 'ns', 'dc')],
    /** `endpoints`: TCP, where the node shall connect. */
    body: v.object({ endpoints }),
  },
  notificationRegistration: {
    type: 11,
    title: 'Notification Registration',
    steps: [step(4, 14, 'node', 'ns')],
    body: nothing,
  },
  notificationRegistrationAck: {
    type: 12,
    title: 'Notification Registration Ack',
    steps: [step(4, 15, 'ns', 'node')],
    body: nothing,
  },
  keepAlive: {
    type: 13,
    title: 'Keep Alive',
    steps: [step(4, 13, 'node', 'dc'), step(4, 16, 'node', 'ns')],
    body: nothing,
  },
  keepAliveAck: {
    type: 14,
    title: 'Keep Alive Ack',
    steps: [],
    /** `observed`: so that a node notices a new NAT mapping. */
    body: v.object({ observed: endpoint }),
  },
  directionRequest: {
    type: 15,
    title: 'Direction Request',
    steps: [step(5, 2, 'node', 'dc')],
    /** `target`: the FQDN of CN, or one of its virtual addresses. */
    body: v.object({ target: fqdn }),
  },
  routeDirection: {
    type: 16,
    title: 'Route Direction',
    steps: [step(5, 8, 'dc', 'dc', false), step(5, 12, 'dc', 'node', false), step(5, 15, 'dc', 'node', true)],
    /**
     * `turn`: who sends the Tunnel Request. `endpoints`: where the correspondent node may be reached, best first.
     * `presharedKey`: the tunnel's shared key, used as WireGuard's pre-shared key.
     * `relay`: the tunnel goes through this RS; `key` is shared with it. `target`: between DCs, whom it is for.
     */
    body: v.object({
      directionId,
      turn: v.picklist(['request', 'await']),
      correspondent: v.object({ fqdn, publicKey: key, addresses: virtualAddresses }),
      endpoints,
      presharedKey: key,
      relay: v.optional(v.object({ endpoints, pathId, key })),
      target: v.optional(fqdn),
    }),
  },
  routeDirectionAck: {
    type: 17,
    title: 'Route Direction Ack',
    steps: [step(5, 13, 'node', 'dc', true), step(5, 14, 'dc', 'dc', true), step(5, 16, 'node', 'dc', false)],
    /** `observed`: between DCs, where CN is now that it was woken up. */
    body: v.object({ directionId, observed: v.optional(endpoint) }),
  },
  notificationRequest: {
    type: 18,
    title: 'Notification Request',
    steps: [step(5, 9, 'dc', 'ns')],
    body: v.object({ fqdn, notificationId: bytes(8) }),
  },
  notificationRequestAck: {
    type: 19,
    title: 'Notification Request Ack',
    steps: [],
    /** `connected`: the node's TCP connection is there and was written to. */
    body: v.object({ connected: v.boolean() }),
  },
  notification: {
    type: 20,
    title: 'Notification',
    steps: [step(5, 10, 'ns', 'node')],
    body: v.object({ notificationId: bytes(8) }),
  },
  notificationAck: {
    type: 21,
    title: 'Notification Ack',
    steps: [step(5, 11, 'node', 'dc')],
    body: v.object({ notificationId: bytes(8) }),
  },
  serverReport: {
    type: 22,
    title: 'Server Report',
    steps: [],
    /** NS, RS and CS tell the DC that they are there. `load`: 0 idle to 1 full. `draining`: about to stop. */
    body: v.object({
      kind: v.picklist(['ns', 'rs', 'cs']),
      load: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
      endpoints,
      draining: v.optional(v.boolean()),
    }),
  },
  serverReportAck: { type: 23, title: 'Server Report Ack', steps: [], body: nothing },
  refusal: {
    type: 24,
    title: 'Refusal',
    steps: [],
    /** `addresses`: of a node that is known but absent, so that its name resolves all the same. */
    body: v.object({ code: v.picklist(refusalCodes), addresses: v.optional(virtualAddresses) }),
  },
  nameRequest: {
    type: 26,
    title: 'Name Request',
    steps: [],
    /** DC to AS: does an account own this FQDN? Asked for names that the DC never saw. */
    body: v.object({ fqdn }),
  },
  nameResponse: {
    type: 27,
    title: 'Name Response',
    steps: [],
    body: v.object({ owned: v.boolean() }),
  },
  relayDirection: {
    type: 40,
    title: 'Relay Direction',
    steps: [step(7, 17, 'dc', 'rs')],
    /** A path for two nodes. `owner`: whose quota it is. `keys`: of MN's side, of CN's side. */
    body: v.object({ owner: fqdn, keys: v.pipe(v.array(key), v.length(2)) }),
  },
  relayDirectionAck: {
    type: 41,
    title: 'Relay Direction Ack',
    steps: [step(7, 18, 'rs', 'dc')],
    body: v.object({ pathId, endpoints }),
  },
  relayBind: {
    type: 42,
    title: 'Relay Bind',
    steps: [],
    /** Where it comes from is where the RS sends to; the key says which side of which path. */
    body: nothing,
  },
  relayBindAck: {
    type: 43,
    title: 'Relay Bind Ack',
    steps: [],
    /** `draining`: the RS is about to stop, another one is wanted. */
    body: v.object({ observed: endpoint, draining: v.boolean() }),
  },
  relayRelease: { type: 44, title: 'Relay Release', steps: [], body: nothing },
  coordinatorRequest: {
    type: 50,
    title: 'Coordinator Request',
    steps: [],
    /** DC to AS: whose is this FQDN or virtual address? The AS vouches for the key of the DC that it names. */
    body: v.object({ target: fqdn }),
  },
  coordinatorResponse: {
    type: 51,
    title: 'Coordinator Response',
    steps: [],
    body: v.object({ fqdn, zone: fqdn, publicKey: key, endpoint }),
  },
  ntmInformationRequest: {
    type: 52,
    title: 'NTM Information Request',
    steps: [step(5, 6, 'dc', 'dc')],
    /** `target`: an FQDN or a virtual address. `from`: MN. */
    body: v.object({ target: fqdn, from: v.object({ fqdn, publicKey: key }) }),
  },
  ntmInformationResponse: {
    type: 53,
    title: 'NTM Information Response',
    steps: [step(5, 7, 'dc', 'dc')],
    /**
     * `observed`, `host`, `route`: of CN's registration. `presharedKey`: counts when CN's FQDN is before MN's in
     * order, so that both DCs introduce the two with one key.
     */
    body: v.object({
      ...{ fqdn, publicKey: key, addresses: virtualAddresses },
      ...{ observed: endpoint, host: endpoints, route, presharedKey: key },
    }),
  },
  coordinatorReport: {
    type: 54,
    title: 'Coordinator Report',
    steps: [],
    /** DC to AS, at its start: where it is. */
    body: v.object({ endpoint }),
  },
  coordinatorReportAck: {
    type: 55,
    title: 'Coordinator Report Ack',
    steps: [],
    /** CIDR: the DC's blocks of virtual addresses, the same ever after. */
    body: v.object({ ipv4Block: text(49), ipv6Prefix: text(49) }),
  },
  ...accountMessages,
  unknownKey: {
    type: 25,
    title: 'Unknown Key',
    steps: [],
    /** Unsealed, without body: a hint that the receiver has no key of this id. Never larger than what caused it. */
    body: nothing,
  },
} as const satisfies Record<string, MessageSpec>;

export type MessageName = keyof typeof messages;
export type Body<N extends MessageName> = v.InferOutput<(typeof messages)[N]['body']>;

/** A message with its body, told apart by `name`. */
export type Message = { [N in MessageName]: { readonly name: N; readonly body: Body<N> } }[MessageName];

const nameByType = new Map<number, MessageName>(
  (Object.keys(messages) as MessageName[]).map((name) => [messages[name].type, name]),
);

export function messageName(type: number): MessageName | undefined {
  return nameByType.get(type);
}

/** The paper's step for a message between two parties, if it has one. */
export function paperStep(name: MessageName, from: Party, to: Party, response: boolean): PaperStep | undefined {
  const steps: readonly PaperStep[] = messages[name].steps;
  return steps.find((s) => s.from === from && s.to === to && (s.response ?? response) === response);
}
