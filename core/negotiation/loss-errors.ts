/** Why a node is not joined (any more), as far as its DC says or does not say. */
import { NtmError } from '../errors';
import { Refused, whyUnsent } from '../wire/outcomes';
import type { SessionEndReason } from '../wire/refusals';

export function coordinatorAway(cause: unknown): NtmError {
  if (cause instanceof NtmError) return cause;
  const message =
    cause instanceof Refused
      ? `the direction coordinator refuses to register this node: ${cause.refusal}`
      : `no answer from the direction coordinator${whyUnsent(cause)}: is it running, and is this host connected?`;
  return new NtmError('NTM_DC_UNREACHABLE', message, { cause });
}

export function sessionLost(cause: unknown): NtmError {
  const message = 'the direction coordinator does not know this node: it restarted, or another process has the name';
  return new NtmError('NTM_NOT_REGISTERED', message, { cause });
}

export function lossError(loss: 'silence' | 'registration'): NtmError {
  return loss === 'silence' ? coordinatorAway(undefined) : sessionLost(undefined);
}

export function revocationText(reason: SessionEndReason | undefined): string {
  const ended = "the operator of the network has ended this node's session";
  switch (reason) {
    case 'disabled':
      return `${ended}: its account was disabled`;
    case 'removed':
      return `${ended}: its account was removed`;
    case 'password':
      return `${ended}: the password of its account was changed`;
    case 'join-key':
      return `${ended}: its join key was removed`;
    case 'node-removed':
      return `${ended}: the node was removed`;
    default:
      return ended;
  }
}
