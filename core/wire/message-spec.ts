/** What an entry of the table in messages.ts says. */
import type * as v from 'valibot';

export interface MessageSpec {
  readonly type: number;
  readonly title: string;
  /** Default: a response when the title ends so, or in `Ack`; else a request. */
  readonly kind?: Kind;
  readonly steps: readonly PaperStep[];
  /** Who sends it to whom, where no step of the paper says so. */
  readonly between?: string;
  /** A first contact may be made with it: boxed, and padded. */
  readonly boxed?: boolean;
  /** What the fields mean, for PROTOCOL.md. */
  readonly about?: string;
  readonly body: v.GenericSchema;
}

/** `notice`: unsealed, without a body; anyone may send it and nobody may believe it. */
export type Kind = 'request' | 'response' | 'oneway' | 'both' | 'notice';

export type Party = 'node' | 'as' | 'dc' | 'ns' | 'rs' | 'cs';

/** A step of the paper's Figure 4, 5 or 7: `from` sends this message to `to`. */
export interface PaperStep {
  readonly figure: 4 | 5 | 7;
  readonly step: number;
  readonly from: Party;
  readonly to: Party;
  /** For messages that are both request and response: which of the two this step is. */
  readonly response?: boolean;
}

export const step = (figure: 4 | 5 | 7, number: number, from: Party, to: Party, response?: boolean): PaperStep =>
  response === undefined ? { figure, step: number, from, to } : { figure, step: number, from, to, response };
