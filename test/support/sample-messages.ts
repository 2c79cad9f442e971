/** One body of every message, in the shape of the table. */
import type { SampleBodies } from '../../core/wire/golden';

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const endpoint = { address: '192.0.2.1', port: 4000 };
const addresses = { ipv4: '198.18.0.1', ipv6: 'fd00::1' };
const fqdn = 'alice.ntm.internal';

export const sampleBodies: SampleBodies = {
  configurationRequest: { account: 'alice', node: null, password: 'pässword' },
  configurationResponse: { fqdn, domains: ['ntm.internal'], networks: ['198.18.0.0/15'], challenge: bytes(16, 1) },
  loginRequest: { challenge: bytes(16, 1), publicKey: bytes(32, 2) },
  loginResponse: { coordinator: 'dc.ntm.internal', endpoints: [endpoint], key: bytes(32, 3) },
  keyDistribution: { fqdn, publicKey: bytes(32, 2), key: bytes(32, 3) },
  keyDistributionAck: {},
  registrationRequest: { endpoints: [endpoint], lifetimeMs: 90_000, route: 'auto' },
  registrationResponse: {
    addresses,
    observed: endpoint,
    keepAliveMs: 25_000,
    notification: { endpoints: [endpoint], key: bytes(32, 4) },
  },
  notificationServiceRequest: { fqdn, key: bytes(32, 4) },
  notificationServiceAck: { endpoints: [endpoint] },
  notificationRegistration: {},
  notificationRegistrationAck: {},
  keepAlive: {},
  keepAliveAck: { observed: endpoint },
  directionRequest: { target: 'bob.ntm.internal' },
  routeDirection: {
    directionId: bytes(8, 5),
    turn: 'request',
    correspondent: { fqdn, publicKey: bytes(32, 2), addresses },
    endpoints: Array.from({ length: 12 }, (_, i) => ({ address: '2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff', port: i })),
    presharedKey: bytes(32, 6),
    relay: { endpoints: [endpoint], pathId: bytes(8, 8), key: bytes(32, 9) },
    target: 'bob.b.example',
  },
  routeDirectionAck: { directionId: bytes(8, 5), observed: endpoint },
  notificationRequest: { fqdn, notificationId: bytes(8, 7) },
  notificationRequestAck: { connected: true },
  notification: { notificationId: bytes(8, 7) },
  notificationAck: { notificationId: bytes(8, 7) },
  serverReport: { kind: 'rs', load: 0.5, endpoints: [endpoint], draining: true },
  serverReportAck: {},
  refusal: { code: 'node-absent', addresses },
  nameRequest: { fqdn },
  nameResponse: { owned: true },
  relayDirection: { owner: 'alice', keys: [bytes(32, 9), bytes(32, 10)] },
  relayDirectionAck: { pathId: bytes(8, 8), endpoints: [endpoint] },
  relayBind: {},
  relayBindAck: { observed: endpoint, draining: false },
  relayRelease: {},
  coordinatorRequest: { target: 'bob.b.example' },
  coordinatorResponse: { fqdn: 'dc.b.example', zone: 'b.example', publicKey: bytes(32, 11), endpoint },
  ntmInformationRequest: { target: 'bob.b.example', from: { fqdn, publicKey: bytes(32, 2) } },
  ntmInformationResponse: {
    ...{ fqdn, publicKey: bytes(32, 2), addresses, observed: endpoint, host: [endpoint], route: 'auto' },
    presharedKey: bytes(32, 6),
  },
  coordinatorReport: { endpoint },
  coordinatorReportAck: { ipv4Block: '198.18.32.0/19', ipv6Prefix: 'fd00:1:2:2::/64' },
  unknownKey: {},
  cacheRequest: {
    target: 'bob.b.example',
    from: { fqdn, publicKey: bytes(32, 2), addresses, key: bytes(32, 12) },
  },
  cacheResponse: {
    endpoints: [endpoint],
    key: bytes(32, 12),
    limits: { itemBytes: 16_777_216, ttlMs: 604_800_000, maximumTtlMs: 2_592_000_000 },
    correspondent: { fqdn: 'bob.b.example', publicKey: bytes(32, 13) },
    voucher: bytes(200, 14),
    voucherKey: bytes(32, 15),
  },
  cacheServiceRequest: { fqdn, key: bytes(32, 12), owner: fqdn, receiver: 'bob.b.example' },
  cacheServiceAck: {
    endpoints: [endpoint],
    limits: { itemBytes: 16_777_216, ttlMs: 604_800_000, maximumTtlMs: 2_592_000_000 },
  },
  cacheStoreRequest: {
    ...{ transfer: 1, receiver: 'bob.ntm.internal', box: 'items', id: bytes(16, 16), length: 1_000 },
    ...{ digest: bytes(32, 17), ttlMs: 60_000 },
  },
  cacheStoreResponse: { stored: true, received: 1_000 },
  cacheTakeRequest: {
    boxes: ['items', 'udp/5683'],
    finished: { number: 7, outcome: 'taken' },
    part: { number: 8, offset: 65_536 },
  },
  cacheTakeResponse: { item: { number: 8, sender: fqdn, box: 'items', length: 1_000, digest: bytes(32, 17) } },
  cacheNotice: {},
};
