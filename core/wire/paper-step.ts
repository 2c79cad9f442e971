/** Which step of the paper a message is, for the trace. */
import type { Party, PaperStep } from './message-spec';
import { messages, type MessageName } from './messages';

interface Occasion {
  readonly from: Party;
  readonly to: Party;
  readonly response: boolean;
  readonly handover: boolean;
}

/** The paper's step for a message between two parties, if it has one: of Figure 7 in a handover, else rather not. */
export function paperStep(name: MessageName, { from, to, response, handover }: Occasion): PaperStep | undefined {
  const all: readonly PaperStep[] = messages[name].steps;
  const steps = all.filter((s) => s.from === from && s.to === to && (s.response ?? response) === response);
  return steps.find(({ figure }) => (figure === 7) === handover) ?? steps[0];
}
