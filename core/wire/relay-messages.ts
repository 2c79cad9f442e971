/** Messages about paths through an RS; a part of the table in messages.ts. */
import * as v from 'valibot';
import { endpoints, fqdn, key, nothing, observed, pathId, streams } from './fields';
import { step, type MessageSpec } from './message-spec';

export const relayMessages = {
  relayDirection: {
    type: 40,
    title: 'Relay Direction',
    steps: [step(7, 17, 'dc', 'rs')],
    about: "A path for two nodes. `owner`: whose quota it is. `keys`: of MN's side, of CN's side. `nodes`: MN and CN.",
    body: v.object({
      owner: fqdn,
      keys: v.pipe(v.array(key), v.length(2)),
      nodes: v.optional(v.pipe(v.array(fqdn), v.length(2))),
    }),
  },
  relayDirectionAck: {
    type: 41,
    title: 'Relay Direction Ack',
    steps: [step(7, 18, 'rs', 'dc')],
    about: '`streams`: where nodes come over TLS.',
    body: v.object({ pathId, endpoints, streams: v.optional(streams) }),
  },
  relayBind: {
    type: 42,
    title: 'Relay Bind',
    steps: [step(7, 28, 'node', 'rs')],
    about: 'Where it comes from is where the RS sends to; the key says which side of which path.',
    body: nothing,
  },
  relayBindAck: {
    type: 43,
    title: 'Relay Bind Ack',
    between: 'RS to node',
    steps: [],
    about: '`draining`: the RS is about to stop, another one is wanted.',
    body: v.object({ observed, draining: v.boolean() }),
  },
  relayRelease: {
    type: 44,
    title: 'Relay Release',
    kind: 'oneway',
    steps: [],
    between: 'node to RS',
    about: 'This side of the path is not used any more; the path ends with its second side.',
    body: nothing,
  },
  relayWithdrawal: {
    type: 45,
    title: 'Relay Withdrawal',
    between: 'DC to RS',
    steps: [],
    about: 'A node, or everybody below the name of an account, may use no relay any more: their paths end.',
    body: v.object({ fqdn }),
  },
  relayWithdrawalAck: { type: 46, title: 'Relay Withdrawal Ack', between: 'RS to DC', steps: [], body: nothing },
} as const satisfies Record<string, MessageSpec>;
