/** A figure of the paper as a chart (Mermaid) and the list of what is done otherwise, for PROTOCOL.md. */
import type { Figure, FigureStep } from './figures';

export function chart({ number, title, parts, steps }: Figure): string[] {
  const differences = steps.filter(({ differs }) => differs !== undefined);
  return [
    ...[`### Figure ${number}: ${title}`, ''],
    ...[
      '```mermaid',
      'sequenceDiagram',
      ...parts.map((part) => `  participant ${part}`),
      ...steps.map(arrow),
      '```',
      '',
    ],
    ...conditions(steps),
    ...(differences.length > 0 ? ['What is done otherwise, and why:', ''] : []),
    ...differences.map((step) => `- Step ${step.step}${follows(step)}: ${step.differs}`),
    ...(differences.length > 0 ? [''] : []),
  ];
}

function arrow({ step, from, to, what }: FigureStep): string {
  return from === to ? `  Note over ${from}: ${step} ${what}` : `  ${from}->>${to}: ${step} ${what}`;
}

/** Where a step does not simply come after the one before it. */
function follows({ step, after }: FigureStep): string {
  if (after.length === 0 || (after.length === 1 && after[0] === step - 1)) return '';
  return ` (after ${after.join(' and ')})`;
}

function conditions(steps: readonly FigureStep[]): string[] {
  const withNotification = steps.filter((step) => step.withNotification).map(({ step }) => step);
  const firstMeeting = steps.filter((step) => step.firstMeeting).map(({ step }) => step);
  return [
    ...(withNotification.length > 0 ? [`Without an NS, there are no steps ${withNotification.join(', ')}.`] : []),
    ...(firstMeeting.length > 0
      ? [`Steps ${firstMeeting.join(', ')} are needed only where the two DCs have not met in the last minutes.`]
      : []),
    ...(withNotification.length + firstMeeting.length > 0 ? [''] : []),
  ];
}
