/**
 * A run's trace held to a figure of the paper (core/wire/figures.ts). Each part's trace is in the order in which the part
 * did things; that a message is received after it was sent needs no proof. So no clocks are compared.
 */
import type { Figure, FigureStep, Part } from '../../core/wire/figures';

export interface TracedEvent {
  readonly part?: unknown;
  readonly event?: unknown;
  readonly figure?: unknown;
  readonly step?: unknown;
}

/** By part. Parts that are one process have the same array. */
export type Traces = { readonly [part in Part]?: readonly TracedEvent[] };

export interface Conditions {
  readonly withNotification?: boolean;
  /** DC_MN has not met DC_CN lately. */
  readonly firstMeeting?: boolean;
  /** Steps that this run does not have, for reasons of its own. */
  readonly without?: readonly number[];
}

/** What is wrong with a run; empty when all steps are there, in an order that the figure allows, and no others. */
export function differences(figure: Figure, traces: Traces, conditions: Conditions = {}): string[] {
  const isLeftOut = leftOut(conditions);
  const steps = figure.steps.filter((step) => !isLeftOut(step));
  return [
    ...steps.flatMap((step) => missing(step, figure, traces)),
    ...steps.flatMap((step) => disorder(step, figure, traces, isLeftOut)),
    ...unexpected(steps, figure, traces),
  ];
}

/** Whether a part has traced all steps that it has to, in whatever order: time to look at the order. */
export function isComplete(
  part: Part,
  figure: Figure,
  events: readonly TracedEvent[],
  conditions: Conditions,
): boolean {
  const isLeftOut = leftOut(conditions);
  const steps = figure.steps.filter((step) => !isLeftOut(step));
  return !steps.some((step) => missing(step, figure, { [part]: events }).some((each) => each.startsWith(`${part} `)));
}

function leftOut({ withNotification = true, firstMeeting = true, without = [] }: Conditions) {
  return (step: FigureStep): boolean =>
    without.includes(step.step) ||
    (!withNotification && step.withNotification === true) ||
    (!firstMeeting && step.firstMeeting === true);
}

type What = 'send' | 'receive' | 'do';

function whatIs({ event }: TracedEvent): What {
  return event === 'send' || event === 'receive' ? event : 'do';
}

/** Where in its part's trace a step is found first: a retransmission or a repeated keep alive is no new step. */
function indexOf(traces: Traces, part: Part, { number }: Figure, step: number, what: What): number {
  const events = traces[part] ?? [];
  return events.findIndex((each) => each.figure === number && each.step === step && whatIs(each) === what);
}

function beginsAs({ from, to }: FigureStep): What {
  return from === to ? 'do' : 'send';
}

function missing(row: FigureStep, figure: Figure, traces: Traces): string[] {
  const { from, to, step, what } = row;
  const wanted: [Part, What][] = from === to ? [[from, 'do']] : [[from, 'send'], [to, 'receive']]; // prettier-ignore
  return wanted
    .filter(([part, as]) => indexOf(traces, part, figure, step, as) < 0)
    .map(([part, as]) => `${part} did not ${as} ${step} (${what})`);
}

/** Steps before that are left out stand for those before them. */
function before(row: FigureStep, figure: Figure, isLeftOut: (step: FigureStep) => boolean): FigureStep[] {
  return row.after.flatMap((number) => {
    const step = figure.steps[number - 1]!;
    return isLeftOut(step) ? before(step, figure, isLeftOut) : [step];
  });
}

function disorder(row: FigureStep, figure: Figure, traces: Traces, isLeftOut: (step: FigureStep) => boolean): string[] {
  const began = indexOf(traces, row.from, figure, row.step, beginsAs(row));
  return before(row, figure, isLeftOut).flatMap((earlier) => {
    const ended = earlier.from === earlier.to ? 'do' : earlier.to === row.from ? 'receive' : 'send';
    const at = indexOf(traces, row.from, figure, earlier.step, ended);
    return began < 0 || at < 0 || at < began ? [] : [`${row.from}: step ${row.step} was before ${earlier.step}`];
  });
}

function unexpected(steps: readonly FigureStep[], { number }: Figure, traces: Traces): string[] {
  const parts = Object.keys(traces) as Part[];
  return [...new Set(Object.values(traces))].flatMap((events) => {
    const own = parts.filter((part) => traces[part] === events);
    const allowed = new Set(steps.flatMap((step) => own.flatMap((part) => rolesOf(step, part))));
    const found = events
      .filter(({ figure }) => figure === number)
      .map((each) => `${whatIs(each)} ${String(each.step)}`);
    return [...new Set(found)].filter((each) => !allowed.has(each)).map((each) => `${own.join()}: ${each}`);
  });
}

function rolesOf({ step, from, to, also = [] }: FigureStep, part: Part): string[] {
  const roles: string[] = [];
  if (from === to && (part === from || also.includes(part))) roles.push(`do ${step}`);
  if (from === to) return roles;
  if (part === from || also.includes(part)) roles.push(`send ${step}`);
  if (part === to || (also.includes(part) && also.includes(from))) roles.push(`receive ${step}`);
  return roles;
}
