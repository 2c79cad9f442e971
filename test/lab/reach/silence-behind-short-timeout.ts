/** Nothing is said for longer than the NAT remembers, and then the side outside speaks first. */
import { dial, listenAt } from '../../support/nat-lab/dialling';
import { placeOf } from '../../support/nat-lab/places';
import { judge, type Scenario } from '../../support/nat-lab/scenario';

/** Twice what the gateway remembers (gateways/short-timeout.ts). */
const SILENCE_MS = 10_000;
/** Of the answer. */
const MOST_LATE_MS = 1_000;

export const scenario: Scenario = {
  name: 'silence-behind-short-timeout',
  about: 'A NAT forgets after 5 s. The correspondent outside answers after 10 s, in which nothing else is said.',
  async run(lab, options, say) {
    const [from, to] = [placeOf('short-timeout'), placeOf('open')];
    // Not on the host where others of its kind listen.
    const late = await listenAt(lab, { place: to, copy: 2 }, 'late', SILENCE_MS);
    say(`a program at ${from.name} says something to one at ${to.name}, and waits for the answer`);
    const outcome = await dial(lab, { place: from, copy: 1 }, this.name, late, { ...options, once: true });
    const lateMs = (outcome.firstByteMs ?? Infinity) - SILENCE_MS;
    const note = lateMs === Infinity ? 'the answer does not come' : `the answer comes ${lateMs.toFixed(0)} ms late`;
    say(note);
    const result = judge({ from, to }, outcome, 'either');
    return { ...result, name: this.name, ok: result.ok && lateMs < MOST_LATE_MS, note };
  },
};
