/** How the NS wakes a node (Figure 5 steps 9 to 11), and what it says besides. Part of the table in messages.ts. */
import * as v from 'valibot';
import { bytes, fqdn, natural } from './fields';
import { step, type MessageSpec } from './message-spec';

export const notificationMessages = {
  notificationRequest: {
    type: 18,
    title: 'Notification Request',
    steps: [step(5, 9, 'dc', 'ns'), step(7, 20, 'dc', 'ns')],
    body: v.object({ fqdn, notificationId: bytes(8) }),
  },
  notificationRequestAck: {
    type: 19,
    title: 'Notification Request Ack',
    between: 'NS to DC',
    steps: [],
    about:
      "`connected`: the node's TCP connection is there and was written to. `pushed`: it is not, and a push is on its way.",
    body: v.object({ connected: v.boolean(), pushed: v.optional(v.boolean()) }),
  },
  notification: {
    type: 20,
    title: 'Notification',
    kind: 'oneway',
    steps: [step(5, 10, 'ns', 'node'), step(7, 21, 'ns', 'node')],
    body: v.object({ notificationId: bytes(8) }),
  },
  notificationAck: {
    type: 21,
    title: 'Notification Ack',
    kind: 'oneway',
    steps: [step(5, 11, 'node', 'dc'), step(7, 22, 'node', 'dc')],
    body: v.object({ notificationId: bytes(8) }),
  },
  notificationRenewal: {
    type: 80,
    title: 'Notification Renewal',
    kind: 'oneway',
    between: 'NS to node',
    steps: [],
    about:
      'Register at the DC anew, at a moment of your choice within this time: the DC has restarted, or the NS is about ' +
      'to stop.',
    body: v.object({ withinMs: natural(600_000) }),
  },
  notificationFailure: {
    type: 81,
    title: 'Notification Failure',
    kind: 'oneway',
    between: 'NS to DC',
    steps: [],
    about: 'The push that was on its way could not be delivered, so nobody needs to wait for the node.',
    body: v.object({ fqdn }),
  },
} as const satisfies Record<string, MessageSpec>;
