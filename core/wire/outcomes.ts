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

/** No answer came. `keyUnknown`: somebody there said that it does not hold our key. */
export class Unanswered extends Error {
  constructor(readonly keyUnknown: boolean) {
    super(keyUnknown ? 'no answer; the key is unknown there' : 'no answer');
  }
}
