/**
 * Messages of accounts, beside Figure 4: joining with a key, and the end of sessions. Part of the table in messages.ts.
 *
 *   AS                           DC                            nodes
 *    | revocation ------------->  |                              |  until it is acknowledged, across restarts
 *    |                            | session end ---------------> |  to the node that is out
 *    |                            | tunnel end ----------------> |  to those that it was introduced to
 *    | <----------- revocation ack|                              |
 *    | <------------ tunnel check | <--------------- tunnel check|  now and then: what did a DC forget?
 */
import * as v from 'valibot';
import { fqdn, key, label, nothing, text } from './fields';
import type { MessageSpec } from './message-spec';
import { revocationReasons, sessionEndReasons } from './refusals';

/** Of one Tunnel Check: what fits into a datagram with names of every length. */
export const CHECKED_LIMIT = 3;

export const accountMessages = {
  joinRequest: {
    type: 60,
    title: 'Join Request',
    boxed: true,
    between: 'node to AS',
    steps: [],
    about: 'In place of a Configuration Request, of a node that has a join key.',
    body: v.object({ key: text(128), node: v.nullable(label) }),
  },
  revocation: {
    type: 61,
    title: 'Revocation',
    between: 'AS to DC',
    steps: [],
    about:
      'To every DC: the session of this name ends, and with `below` those of the names below it; and tunnels to them.',
    body: v.object({ fqdn, below: v.boolean(), reason: v.picklist(revocationReasons) }),
  },
  revocationAck: { type: 62, title: 'Revocation Ack', between: 'DC to AS', steps: [], body: nothing },
  sessionEnd: {
    type: 63,
    title: 'Session End',
    between: 'DC to node',
    steps: [],
    about: 'The node is out, and why.',
    body: v.object({ reason: v.picklist(sessionEndReasons) }),
  },
  sessionEndAck: { type: 64, title: 'Session End Ack', between: 'node to DC', steps: [], body: nothing },
  tunnelEnd: {
    type: 65,
    title: 'Tunnel End',
    between: 'DC to node',
    steps: [],
    about: 'This correspondent node belongs to the network no more, or has to log in again.',
    body: v.object({ fqdn }),
  },
  tunnelEndAck: { type: 66, title: 'Tunnel End Ack', between: 'node to DC', steps: [], body: nothing },
  tunnelCheck: {
    type: 67,
    title: 'Tunnel Check',
    between: 'node to DC, DC to AS',
    steps: [],
    about: 'With whom the node has tunnels: do they still belong to the network, with these keys?',
    body: v.object({
      correspondents: v.pipe(v.array(v.object({ fqdn, publicKey: key })), v.maxLength(CHECKED_LIMIT)),
    }),
  },
  tunnelCheckAck: {
    type: 68,
    title: 'Tunnel Check Ack',
    between: 'AS to DC, DC to node',
    steps: [],
    about: '`ended`: those that do not.',
    body: v.object({ ended: v.pipe(v.array(fqdn), v.maxLength(CHECKED_LIMIT)) }),
  },
} as const satisfies Record<string, MessageSpec>;
