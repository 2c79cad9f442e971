/** The part of the table of messages (messages.ts) that is about changes of a DC's policy. */
import * as v from 'valibot';
import { fqdn, nothing, permits } from './fields';

export const policyMessages = {
  policyDirection: {
    type: 70,
    title: 'Policy Direction',
    kind: 'request',
    between: 'DC to node',
    steps: [],
    about:
      'The policy has changed: `permits` takes the place of what the Route Direction of this correspondent node said; without it, all. `ended`: neither may reach the other any more, and there shall be no tunnel.',
    body: v.object({ fqdn, permits: v.optional(permits), ended: v.boolean() }),
  },
  policyDirectionAck: {
    type: 71,
    title: 'Policy Direction Ack',
    between: 'node to DC',
    steps: [],
    body: nothing,
  },
} as const;
