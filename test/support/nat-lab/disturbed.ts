/** A scenario in which something happens to the network while two programs talk: their connection must go on. */
import type { At, NatLab } from './nat-lab';
import type { Place } from './place';
import type { Expected } from './expectations';
import { judge, runPair, type Result, type Scenario } from './scenario';

export interface Disturbance {
  readonly name: string;
  readonly about: string;
  readonly from: Place;
  readonly to: Place;
  readonly expected: Expected;
  /** Of the program that dials. */
  readonly env?: NodeJS.ProcessEnv;
  /** `at`: the place of the one that dials. */
  disturb(lab: NatLab, at: At, say: (line: string) => void): Promise<void>;
}

export function disturbedScenario({ name, about, from, to, expected, env = {}, disturb }: Disturbance): Scenario {
  return {
    name,
    about,
    async run(lab, { observeMs }, say): Promise<Result> {
      const at: At = { place: from, copy: 1 };
      say(`a program at ${from.name} talks to one at ${to.name}`);
      const options = { observeMs, env, disturb: () => disturb(lab, at, say) };
      const outcome = await runPair(lab, { from, to }, options, name);
      const { fault, silentMs = NaN } = outcome;
      say(fault ?? `all that was sent came back, whole and in order; nothing came for ${silentMs.toFixed(0)} ms`);
      const result = judge({ from, to }, outcome, expected);
      return { ...result, name, note: result.note || `silent for ${silentMs.toFixed(0)} ms` };
    },
  };
}
