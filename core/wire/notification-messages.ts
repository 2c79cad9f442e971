/** Messages of the NS that the paper has none for, a part of the table in messages.ts. */
import * as v from 'valibot';
import { fqdn, natural } from './fields';
import type { MessageSpec } from './message-spec';

export const notificationMessages = {
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
