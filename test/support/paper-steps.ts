/**
 * The paper's Figures 4 and 5 as tables, and the comparison of a run's trace with them.
 * Only steps between parts that exist here: an application is no part of the trace (Figure 4 steps 1, 17; Figure 5
 * steps 1, 19, 21), step 4 of Figure 4 stays inside the node, and with one DC nothing passes between DCs (Figure 5
 * steps 3 to 8 and 14).
 */

/** `mn` asks for the tunnel, `cn` is the correspondent node. */
export type Part = 'mn' | 'cn' | 'as' | 'dc' | 'ns';

export interface Step {
  readonly step: number;
  readonly from: Part;
  readonly to: Part;
  /** The paper names a sender, but either may be it. */
  readonly eitherWay?: boolean;
}

export const figure4: readonly Step[] = [
  { step: 2, from: 'mn', to: 'as' }, // obtain the configuration of MN
  { step: 3, from: 'as', to: 'mn' }, // replies the configuration information
  { step: 5, from: 'mn', to: 'as' }, // login request
  { step: 6, from: 'as', to: 'dc' }, // distributes the shared key
  { step: 7, from: 'dc', to: 'as' }, // acknowledgement
  { step: 8, from: 'as', to: 'mn' }, // login response
  { step: 9, from: 'mn', to: 'dc' }, // registration request
  { step: 10, from: 'dc', to: 'ns' }, // requests a notification service
  { step: 11, from: 'ns', to: 'dc' }, // acknowledgement
  { step: 12, from: 'dc', to: 'mn' }, // registration response
  { step: 13, from: 'mn', to: 'dc' }, // keep alive
  { step: 14, from: 'mn', to: 'ns' }, // registers the information of MN
  { step: 15, from: 'ns', to: 'mn' }, // acknowledgement
  { step: 16, from: 'mn', to: 'ns' }, // keep alive
];

export const figure5: readonly Step[] = [
  { step: 2, from: 'mn', to: 'dc' }, // direction request
  { step: 9, from: 'dc', to: 'ns' }, // requests the notification to CN
  { step: 10, from: 'ns', to: 'cn' }, // notification
  { step: 11, from: 'cn', to: 'dc' }, // acknowledgement
  { step: 12, from: 'dc', to: 'cn' }, // route direction
  { step: 13, from: 'cn', to: 'dc' }, // acknowledgement
  { step: 15, from: 'dc', to: 'mn' }, // route direction
  { step: 16, from: 'mn', to: 'dc' }, // acknowledgement
  { step: 17, from: 'cn', to: 'mn' }, // tunnel request: MN has a global address in this case
  { step: 18, from: 'mn', to: 'cn' }, // tunnel response
  { step: 20, from: 'mn', to: 'cn', eitherWay: true }, // keep alive through the tunnel
];

export interface TracedEvent {
  readonly part?: unknown;
  readonly event?: unknown;
  readonly figure?: unknown;
  readonly step?: unknown;
}

/** What a part must have traced for a figure, in the paper's order: `send 2`, `receive 3`, ... */
export function expectedOf(part: Part, figure: readonly Step[]): string[] {
  return figure
    .filter(({ from, to }) => from === part || to === part)
    .map(
      ({ step, from, eitherWay }) => `${eitherWay ? 'send or receive' : from === part ? 'send' : 'receive'} ${step}`,
    );
}

/**
 * What a part did trace, in the order it did, each step at its first occurrence: a retransmission or a repeated keep
 * alive is no new step.
 */
export function tracedOf(events: readonly TracedEvent[], number: 4 | 5, figure: readonly Step[]): string[] {
  const eitherWay = new Set(figure.filter((step) => step.eitherWay).map(({ step }) => step));
  const seen = new Set<string>();
  for (const { event, figure: traced, step } of events) {
    if (traced !== number || (event !== 'send' && event !== 'receive')) continue;
    seen.add(`${eitherWay.has(Number(step)) ? 'send or receive' : event} ${String(step)}`);
  }
  return [...seen];
}

/**
 * Steps 9 to 11 of Figure 5 run beside those that follow them where CN was heard of lately (servers/coordinator/
 * residents.ts): a run has the steps of each strand in the paper's order.
 */
export function strandsOf(number: 4 | 5, steps: readonly string[]): [waking: string[], others: string[]] {
  const isWaking = (step: string): boolean => number === 5 && /^(send|receive) (9|10|11)$/.test(step);
  return [steps.filter(isWaking), steps.filter((step) => !isWaking(step))];
}
