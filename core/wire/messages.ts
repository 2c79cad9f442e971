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
import { cacheMessages } from './cache-messages';
import {
  bytes,
  directionId,
  endpoint,
  endpoints,
  fqdn,
  key,
  label,
  mapping,
  natural,
  nothing,
  observed,
  pathId,
  permits,
  pushAddress,
  reach,
  relays,
  route,
  streams,
  text,
  virtualAddresses,
} from './fields';
import { step, type Kind, type MessageSpec } from './message-spec';
import { notificationMessages } from './notification-messages';
import { policyMessages } from './policy-messages';
import { refusalCodes } from './refusals';
import { relayMessages } from './relay-messages';

export type { Party } from './message-spec';
export type { RefusalCode } from './refusals';

export const messages = {
  configurationRequest: {
    type: 1,
    title: 'Configuration Request',
    boxed: true,
    steps: [step(4, 2, 'node', 'as')],
    body: v.object({ account: label, node: v.nullable(label), password: text(256) }),
  },
  configurationResponse: {
    type: 2,
    title: 'Configuration Response',
    steps: [step(4, 3, 'as', 'node')],
    about: '`domains`: the suffixes of NTMobile names. `networks`: CIDR blocks of virtual addresses.',
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
    about:
      "`publicKey`: the node's WireGuard static key, which the DC introduces to correspondent nodes. `instance`: of this program, chosen at its start. `yielding`: only if no other program has the name now.",
    body: v.object({
      ...{ challenge: bytes(16), publicKey: key },
      ...{ instance: v.optional(bytes(8)), yielding: v.optional(v.boolean()) },
    }),
  },
  loginResponse: {
    type: 4,
    title: 'Login Response',
    steps: [step(4, 8, 'as', 'node')],
    about: '`key`: the shared key between MN and DC_MN. `streams`: where the DC takes datagrams over TLS.',
    body: v.object({ coordinator: fqdn, endpoints, key, streams: v.optional(streams) }),
  },
  keyDistribution: {
    type: 5,
    title: 'Key Distribution',
    boxed: true,
    steps: [step(4, 6, 'as', 'dc'), step(5, 4, 'dc', 'dc'), step(7, 13, 'dc', 'dc')],
    about: '`instance`, `yielding`: of the Login Request.',
    body: v.object({
      ...{ fqdn, publicKey: key, key },
      ...{ instance: v.optional(bytes(8)), yielding: v.optional(v.boolean()) },
    }),
  },
  keyDistributionAck: {
    type: 6,
    title: 'Key Distribution Ack',
    steps: [step(4, 7, 'dc', 'as'), step(5, 5, 'dc', 'dc'), step(7, 14, 'dc', 'dc')],
    about:
      '`endpoints`: told to the AS, for nodes: where they come to, of each IP version that the DC has. `streams`: where the DC takes datagrams over TLS.',
    body: v.object({ endpoints: v.optional(endpoints), streams: v.optional(streams) }),
  },
  registrationRequest: {
    type: 7,
    title: 'Registration Request',
    steps: [step(4, 9, 'node', 'dc'), step(7, 3, 'node', 'dc')],
    about:
      "`endpoints`: of the node's own interfaces. `reach`: what the node knows of its situation beside what the DC sees. `lifetimeMs` 0 ends the registration (as in RFC 5944) and, sent as the node's process ends, is not answered.",
    body: v.object({ endpoints, lifetimeMs: natural(86_400_000), route, reach: v.optional(reach) }),
  },
  registrationResponse: {
    type: 8,
    title: 'Registration Response',
    steps: [step(4, 12, 'dc', 'node'), step(7, 6, 'dc', 'node')],
    about:
      '`observed`: the source that the DC saw. `notification`: where and with which key to register at the NS, and how ' +
      'rare keep alives to the DC may be while the node is connected there. `relays`: from which the node may look at itself.',
    body: v.object({
      addresses: virtualAddresses,
      observed,
      relays: v.optional(relays),
      keepAliveMs: natural(86_400_000),
      notification: v.nullable(v.object({ endpoints, key, keepAliveMs: v.optional(natural(86_400_000)) })),
    }),
  },
  notificationServiceRequest: {
    type: 9,
    title: 'Notification Service Request',
    steps: [step(4, 10, 'dc', 'ns'), step(7, 4, 'dc', 'ns')],
    body: v.object({ fqdn, key }),
  },
  notificationServiceAck: {
    type: 10,
    title: 'Notification Service Ack',
    steps: [step(4, 11, 'ns', 'dc'), step(7, 5, 'ns', 'dc')],
    about: '`endpoints`: TCP, where the node shall connect.',
    body: v.object({ endpoints }),
  },
  notificationRegistration: {
    type: 11,
    title: 'Notification Registration',
    steps: [step(4, 14, 'node', 'ns'), step(7, 8, 'node', 'ns')],
    about: '`push`: how to wake the node when this connection is gone; without it, it cannot be.',
    body: v.object({ push: v.optional(pushAddress) }),
  },
  notificationRegistrationAck: {
    type: 12,
    title: 'Notification Registration Ack',
    steps: [step(4, 15, 'ns', 'node'), step(7, 9, 'ns', 'node')],
    about: '`push`: what became of it; `dead`: its push service knows it no more, the node needs another.',
    body: v.object({ push: v.optional(v.picklist(['kept', 'dead', 'unsupported'])) }),
  },
  keepAlive: {
    type: 13,
    title: 'Keep Alive',
    about: 'A request to the DC, which answers it; sent once to the NS, which sends one back.',
    steps: [step(4, 13, 'node', 'dc'), step(4, 16, 'node', 'ns'), step(7, 7, 'node', 'dc'), step(7, 10, 'node', 'ns')],
    body: nothing,
  },
  keepAliveAck: {
    type: 14,
    title: 'Keep Alive Ack',
    between: 'DC to node',
    steps: [],
    about: '`observed`: so that a node notices a new NAT mapping.',
    body: v.object({ observed }),
  },
  directionRequest: {
    type: 15,
    title: 'Direction Request',
    steps: [step(5, 2, 'node', 'dc'), step(7, 11, 'node', 'dc')],
    about: '`target`: the FQDN of CN, or one of its virtual addresses.',
    body: v.object({ target: fqdn }),
  },
  routeDirection: {
    type: 16,
    title: 'Route Direction',
    kind: 'both',
    steps: [
      step(5, 8, 'dc', 'dc', false),
      step(5, 12, 'dc', 'node', false),
      step(5, 15, 'dc', 'node', true),
      step(7, 19, 'dc', 'dc', false),
      step(7, 23, 'dc', 'node', false),
      step(7, 26, 'dc', 'node', true),
    ],
    about:
      '`turn`: who sends the Tunnel Request. `endpoints`: where the correspondent node may be reached, best first; beside a `relay`, where it may be looked for. `mapping`: of the NAT that the correspondent node is behind, if it is known. `presharedKey`: the tunnel\'s shared key, used as WireGuard\'s pre-shared key. `relay`: the tunnel goes through this RS; `key` is shared with it, `streams`: where it takes datagrams over TLS. `target`: between DCs, whom it is for. `permits`: the ports at which the correspondent node may reach the receiver, as "443/tcp", "8000-8100" or "*"; without it, all.',
    body: v.object({
      directionId,
      turn: v.picklist(['request', 'await']),
      correspondent: v.object({ fqdn, publicKey: key, addresses: virtualAddresses }),
      endpoints,
      presharedKey: key,
      mapping: v.optional(mapping),
      relay: v.optional(v.object({ endpoints, pathId, key, streams: v.optional(streams) })),
      target: v.optional(fqdn),
      permits: v.optional(permits),
    }),
  },
  routeDirectionAck: {
    type: 17,
    title: 'Route Direction Ack',
    kind: 'both',
    steps: [
      step(5, 13, 'node', 'dc', true),
      step(5, 14, 'dc', 'dc', true),
      step(5, 16, 'node', 'dc', false),
      step(7, 24, 'node', 'dc', true),
      step(7, 25, 'dc', 'dc', true),
      step(7, 27, 'node', 'dc', false),
    ],
    about: '`observed`: between DCs, where CN is now that it was woken up.',
    body: v.object({ directionId, observed: v.optional(observed) }),
  },
  ...notificationMessages,
  serverReport: {
    type: 22,
    title: 'Server Report',
    between: 'NS, RS, CS to DC',
    steps: [],
    about:
      'NS, RS and CS tell the DC that they are there. `load`: 0 idle to 1 full. `draining`: about to stop. `streams`: of an RS, where nodes come over TLS.',
    body: v.object({
      kind: v.picklist(['ns', 'rs', 'cs']),
      load: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
      endpoints,
      draining: v.optional(v.boolean()),
      streams: v.optional(streams),
    }),
  },
  serverReportAck: {
    type: 23,
    title: 'Server Report Ack',
    steps: [],
    between: 'DC to NS, RS, CS',
    about: '`instance`: another one each time that the DC starts.',
    body: v.object({ instance: v.optional(bytes(8)) }),
  },
  refusal: {
    type: 24,
    title: 'Refusal',
    kind: 'response',
    between: 'anyone',
    steps: [],
    about: '`addresses`: of a node that is known but absent, so that its name resolves all the same.',
    body: v.object({ code: v.picklist(refusalCodes), addresses: v.optional(virtualAddresses) }),
  },
  nameRequest: {
    type: 26,
    title: 'Name Request',
    between: 'DC to AS',
    steps: [],
    about: 'DC to AS: does an account own this FQDN? Asked for names that the DC never saw.',
    body: v.object({ fqdn }),
  },
  nameResponse: {
    type: 27,
    title: 'Name Response',
    between: 'AS to DC',
    steps: [],
    body: v.object({ owned: v.boolean() }),
  },
  ...relayMessages,
  coordinatorRequest: {
    type: 50,
    title: 'Coordinator Request',
    between: 'DC to AS',
    steps: [],
    about: 'DC to AS: whose is this FQDN or virtual address? The AS vouches for the key of the DC that it names.',
    body: v.object({ target: fqdn }),
  },
  coordinatorResponse: {
    type: 51,
    title: 'Coordinator Response',
    between: 'AS to DC',
    steps: [],
    body: v.object({ fqdn, zone: fqdn, publicKey: key, endpoint }),
  },
  ntmInformationRequest: {
    type: 52,
    title: 'NTM Information Request',
    steps: [step(5, 6, 'dc', 'dc'), step(7, 15, 'dc', 'dc')],
    about: '`target`: an FQDN or a virtual address. `from`: MN.',
    body: v.object({ target: fqdn, from: v.object({ fqdn, publicKey: key }) }),
  },
  ntmInformationResponse: {
    type: 53,
    title: 'NTM Information Response',
    steps: [step(5, 7, 'dc', 'dc'), step(7, 16, 'dc', 'dc')],
    about:
      "`observed`, `host`, `route`, `reach`: of CN's registration. `presharedKey`: counts when CN's FQDN is before MN's in order, so that both DCs introduce the two with one key.",
    body: v.object({
      ...{ fqdn, publicKey: key, addresses: virtualAddresses },
      ...{ observed, host: endpoints, route, reach: v.optional(reach), presharedKey: key },
    }),
  },
  coordinatorReport: {
    type: 54,
    title: 'Coordinator Report',
    between: 'DC to AS',
    steps: [],
    about: 'DC to AS, at its start: where it is.',
    body: v.object({ endpoint }),
  },
  coordinatorReportAck: {
    type: 55,
    title: 'Coordinator Report Ack',
    between: 'AS to DC',
    steps: [],
    about: "CIDR: the DC's blocks of virtual addresses, the same ever after.",
    body: v.object({ ipv4Block: text(49), ipv6Prefix: text(49) }),
  },
  ...policyMessages,
  ...cacheMessages,
  ...accountMessages,
  unknownKey: {
    type: 25,
    title: 'Unknown Key',
    kind: 'notice',
    between: 'anyone',
    steps: [],
    about: 'Unsealed, without body: a hint that the receiver has no key of this id. Never larger than what caused it.',
    body: nothing,
  },
} as const satisfies Record<string, MessageSpec>;

export type MessageName = keyof typeof messages;
export type Body<N extends MessageName> = v.InferOutput<(typeof messages)[N]['body']>;

/** A message with its body, told apart by `name`. `handover`: of Figure 7; an answer is what its request is. */
export type Message = {
  [N in MessageName]: { readonly name: N; readonly body: Body<N>; readonly handover?: boolean };
}[MessageName];

const nameByType = new Map<number, MessageName>(
  (Object.keys(messages) as MessageName[]).map((name) => [messages[name].type, name]),
);

export function messageName(type: number): MessageName | undefined {
  return nameByType.get(type);
}

export function kindOf(name: MessageName): Kind {
  const { kind, title }: MessageSpec = messages[name];
  return kind ?? (/(Response|Ack)$/.test(title) ? 'response' : 'request');
}
