/** How a request can end other than with its answer. */
import type { Body, RefusalCode } from './messages';

/** Thrown by a handler to refuse; also what a refused request rejects with. */
export class Refused extends Error {
  constructor(
    readonly refusal: RefusalCode,
    readonly addresses?: Body<'refusal'>['addresses'],
  ) {
    super(`refused: ${refusal}`);
  }
}

/**
 * No answer came. `keyUnknown`: somebody there said that it does not hold our key.
 * `unsentCode`: this host could not send (all of) the request, e.g. ENETUNREACH.
 */
export class Unanswered extends Error {
  constructor(
    readonly keyUnknown: boolean,
    readonly unsentCode?: string,
  ) {
    super(keyUnknown ? 'no answer; the key is unknown there' : 'no answer');
  }
}

/** For messages to people: ` (this host cannot send there: ENETUNREACH)`, or nothing. */
export function whyUnsent(error: unknown): string {
  const code = error instanceof Unanswered ? error.unsentCode : undefined;
  return code === undefined ? '' : ` (this host cannot send there now: ${code})`;
}
