/**
 * Tunnel construction as the DC directs it (Figure 5): asking for a direction as MN, following one as CN.
 *
 * As MN: Direction Request (step 2), answered by the Route Direction (15) or a Refusal; acknowledged (16).
 * As CN: Notification (10) acknowledged to the DC (11), Route Direction (12) acknowledged (13).
 * The direction itself is handed to the owner, who constructs the tunnel (17, 18).
 */
import { NtmError, type NtmErrorCode } from '../errors';
import type { Clock, Timers } from '../runtime';
import type { Endpoint, VirtualAddresses } from '../wire/addresses';
import type { Body, Message } from '../wire/messages';
import { Refused, Unanswered, whyUnsent } from '../wire/outcomes';
import type { Peer } from '../wire/peers';
import type { Signalling } from '../wire/signalling';
import { expectMessage } from './login';
import { lossBy, type Loss } from './registration';

export type Direction = Body<'routeDirection'>;

/**
 * A phone takes seconds from a push message to its answer, and a busy host to anything; somebody who waits for longer
 * has given up.
 */
const WAKE_LIMIT_MS = 30_000;
/** The DC holds each answer back for a while itself, in case that the node wakes up. */
const ASK_AGAIN_MS = 200;

export interface DirectionsOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly signalling: Signalling<Endpoint>;
  /** The DC at which this node is registered now; undefined while it is not. */
  coordinator(): { peer: Peer; endpoint: Endpoint } | undefined;
  /** `handover`: because this node, or the other, has changed its network. */
  onDirection(direction: Direction, handover: boolean): void;
  /** The DC's policy has changed for a correspondent node. */
  onPolicy(policy: Body<'policyDirection'>): void;
  /** This DC did not answer, or does not know this node's session. */
  onLost(coordinator: Peer, reason: Loss): void;
}

/** There is no way to this node, but its name has addresses all the same. */
export class KnownNodeError extends NtmError {
  constructor(
    code: NtmErrorCode,
    message: string,
    readonly addresses: VirtualAddresses | undefined,
    cause?: Refused,
  ) {
    super(code, message, { cause });
  }
}

/** NTM_NODE_ABSENT. */
export class AbsentError extends KnownNodeError {
  constructor(target: string, addresses: VirtualAddresses | undefined, cause?: Refused) {
    super('NTM_NODE_ABSENT', `${target} ${absence(cause)}`, addresses, cause);
  }
}

/** NTM_NOT_ALLOWED. */
export class NotAllowedError extends KnownNodeError {
  constructor(target: string, addresses?: VirtualAddresses) {
    super('NTM_NOT_ALLOWED', `the policy of the network lets this node reach nothing at ${target}`, addresses);
  }
}

export class Directions {
  private readonly asked = new Map<string, Promise<Direction>>();
  /** How often this host has changed its network. */
  private moves = 0;

  constructor(private readonly options: DirectionsOptions) {
    options.signalling.handle('routeDirection', (direction, { peer, handover, afterAnswer }) => {
      if (peer.party !== 'dc') return undefined;
      afterAnswer(() => options.onDirection(direction, handover)); // step 13 before step 17: the DC waits for it
      return { name: 'routeDirectionAck', body: { directionId: direction.directionId } };
    });
    options.signalling.handle('policyDirection', (policy, { peer }) => {
      if (peer.party !== 'dc') return undefined;
      options.onPolicy(policy);
      return { name: 'policyDirectionAck', body: {} };
    });
  }

  /** Asks for a tunnel to an FQDN or a virtual address. Rejects with NtmError. */
  ask(target: string, handover = false): Promise<Direction> {
    const asked = this.asked.get(target);
    if (asked) return asked;
    const direction = this.requestUntilAwake(target, handover).finally(() => {
      if (this.asked.get(target) === direction) this.asked.delete(target);
    });
    this.asked.set(target, direction);
    return direction;
  }

  /** What was asked before leads to where this node was. */
  hostMoved(): void {
    this.moves += 1;
    this.asked.clear();
  }

  acknowledgeNotification(notificationId: Uint8Array, handover: boolean): void {
    const coordinator = this.options.coordinator();
    if (!coordinator) return;
    const message = { name: 'notificationAck', body: { notificationId }, handover } as const;
    this.options.signalling.oneway(coordinator.peer, coordinator.endpoint, message);
  }

  /** CN may have to be woken by a push message first, or be busy; the DC says so in time, and is asked again. */
  private async requestUntilAwake(target: string, handover: boolean): Promise<Direction> {
    const { clock, timers } = this.options;
    for (const untilMs = clock.now() + WAKE_LIMIT_MS; ;) {
      try {
        return await this.request(target, handover);
      } catch (error) {
        const { cause } = error as NtmError;
        if (!isPassing(cause) || clock.now() >= untilMs) throw error;
      }
      await new Promise<void>((resolve) => void timers.schedule(ASK_AGAIN_MS, resolve));
    }
  }

  private async request(target: string, handover: boolean): Promise<Direction> {
    const { signalling, onDirection } = this.options;
    const coordinator = this.options.coordinator();
    if (!coordinator) throw new NtmError('NTM_NOT_REGISTERED', 'this node is not registered at its DC now');
    const { peer, endpoint } = coordinator;
    const { moves } = this;
    let answer: Message;
    try {
      answer = await signalling.request(peer, endpoint, { name: 'directionRequest', body: { target }, handover });
    } catch (error) {
      if (moves !== this.moves) return this.ask(target, true);
      const reason = lossBy(error);
      if (reason) this.options.onLost(peer, reason);
      throw directionError(error, target);
    }
    const direction = expectMessage(answer, 'routeDirection');
    const { directionId } = direction;
    signalling.oneway(peer, endpoint, { name: 'routeDirectionAck', body: { directionId }, handover });
    if (moves !== this.moves) return this.ask(target, true);
    onDirection(direction, handover);
    return direction;
  }
}

/** The DC may say something else in a moment. */
function isPassing(cause: unknown): boolean {
  return cause instanceof Refused && (cause.refusal === 'node-waking' || cause.refusal === 'node-busy');
}

function absence(cause: Refused | undefined): string {
  switch (cause?.refusal) {
    case 'node-waking':
      return 'is asleep, and has not answered the push message that was sent to it';
    case 'node-busy':
      return 'is registered but has not answered for a while: is its host busy?';
    default:
      return 'exists but is not registered now: is it running and logged in?';
  }
}

/** The DC that was asked is not, or does not know, this node's DC any more: it is worth asking the one that is. */
export function isLoss(error: unknown): boolean {
  return error instanceof NtmError && (error.code === 'NTM_NOT_REGISTERED' || lossBy(error.cause) !== undefined);
}

function directionError(error: unknown, target: string): Error {
  if (error instanceof Unanswered && !error.keyUnknown) {
    const message = `no answer from the direction coordinator${whyUnsent(error)}`;
    return new NtmError('NTM_DC_UNREACHABLE', message, { cause: error });
  }
  const isWithdrawn = error instanceof NtmError && error.code === 'NTM_CLOSED'; // another question met the loss first
  if (error instanceof Unanswered || isWithdrawn) {
    return new NtmError('NTM_NOT_REGISTERED', 'the DC does not know this node any more', { cause: error });
  }
  if (!(error instanceof Refused)) return error as Error;
  switch (error.refusal) {
    case 'no-such-name':
      return new NtmError('NTM_NO_SUCH_NAME', `no account owns ${target}`);
    case 'node-absent':
      return new AbsentError(target, error.addresses);
    case 'node-waking':
    case 'node-busy':
      return new AbsentError(target, error.addresses, error);
    case 'not-allowed':
      return new NotAllowedError(target, error.addresses);
    case 'node-unreachable':
      return new NtmError('NTM_NODE_UNREACHABLE', `${target} is registered but does not answer its DC`);
    case 'no-route':
      return new NtmError(
        'NTM_NO_ROUTE',
        `there is no route to ${target}: neither side can be reached by the other, and no relay server is there or may be used`,
      );
    case 'relay-quota':
      return new NtmError(
        'NTM_NO_ROUTE',
        `${target} can be reached through a relay only, and this account has used up what it may relay in a day`,
      );
    case 'not-registered':
      return new NtmError('NTM_NOT_REGISTERED', 'the DC does not know this node any more', { cause: error });
    case 'unavailable':
      return new NtmError('NTM_DC_UNREACHABLE', 'a server that the DC needs does not answer');
    default:
      return new NtmError('NTM_PROTOCOL', `the DC refused ${target}: ${error.refusal}`);
  }
}
