/**
 * The signalling trace: what happened, in order, on one clock. NTMOBILE_TRACE writes it as NDJSON.
 * A `step` is the paper's, e.g. "Figure 4 step 5"; the tests hold a run's steps to the paper's order.
 * No secret is ever put into an event.
 */
export interface TraceEvent {
  /** Which part speaks, e.g. `node alice.ntm.internal`, `as`, `dc ntm.internal`, `ns`. */
  readonly part: string;
  /** What happened, e.g. `send`, `receive`, `state`, `drop`. */
  readonly event: string;
  /** The paper's figure and step, where it has one. */
  readonly figure?: 4 | 5 | 6 | 7 | 8;
  readonly step?: number;
  readonly [detail: string]: unknown;
}

export interface Trace {
  (event: TraceEvent): void;
  /** Nobody looks at the events of single messages: they need not be made. */
  readonly skipsMessages?: boolean;
}

export const noTrace: Trace = () => {};

/** Whether events of single messages are looked at. */
export function tellsMessages(trace: Trace): boolean {
  return trace !== noTrace && trace.skipsMessages !== true;
}
