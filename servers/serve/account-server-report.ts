/** A DC tells the AS where it is, until the AS has answered, and is told its blocks of addresses. */
import { NtmError } from '../../core/errors';
import { nodeTimers } from '../../core/runtime-node';
import { formatEndpoint, type Endpoint } from '../../core/wire/addresses';
import { agreedKey, type KeyPair } from '../../core/wire/keys';
import { Refused, Unanswered } from '../../core/wire/outcomes';
import type { Signalling } from '../../core/wire/signalling';
import type { Coordinator } from '../store/store';
import type { ServeContext } from './served';
import { formatKey } from './server-key';

const ASK_AGAIN_MS = 2_000;
/** Who waits at the start shall soon hear for whom. */
const TRIES = 2;

export type Blocks = Pick<Coordinator, 'ipv4Block' | 'ipv6Prefix'>;

export class AccountServerReport {
  /** Why it has not answered yet. */
  ailment: string | undefined = 'the account server was not asked yet';
  private stopped = false;
  private wake = (): void => {};

  constructor(
    private signalling: Signalling<Endpoint>,
    private readonly identity: KeyPair,
    private readonly as: { readonly endpoint: Endpoint; readonly publicKey: Uint8Array },
    private readonly local: Endpoint,
    private readonly context: ServeContext,
  ) {
    context.stop.addEventListener('abort', () => this.stop(), { once: true });
  }

  /** From now on the machine's own, which has the same key. */
  moveTo(signalling: Signalling<Endpoint>): void {
    if (this.ailment !== undefined) this.signalling.close();
    this.signalling = signalling;
  }

  /** Rejects when the AS does not know this DC. */
  async start(): Promise<Blocks> {
    let told: string | undefined;
    while (!this.stopped) {
      const answer = await this.ask();
      if (answer) return answer;
      if (this.ailment !== told && !this.stopped) this.context.log(`${this.ailment}; waiting for it`);
      told = this.ailment;
      await this.pause();
    }
    throw new NtmError('NTM_CLOSED', 'stopped before the account server answered');
  }

  /** What the AS gives is not what this DC has been giving to nodes since its first start. */
  compare(given: Blocks, known: Blocks): void {
    if (given.ipv4Block === known.ipv4Block && given.ipv6Prefix === known.ipv6Prefix) return;
    this.ailment = `the account server gives this zone the addresses ${given.ipv4Block}, its nodes have ${known.ipv4Block}: start with an empty "dir"`;
    this.context.log(this.ailment);
  }

  stop(): void {
    this.stopped = true;
    this.wake();
    if (this.ailment !== undefined) this.signalling.close(); // what waits for an answer ends at once
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = nodeTimers.schedule(ASK_AGAIN_MS, resolve);
      this.wake = () => {
        timer.cancel();
        resolve();
      };
      if (this.stopped) this.wake();
    });
  }

  private async ask(): Promise<Blocks | undefined> {
    const { signalling, identity, as, local } = this;
    const peer = signalling.addPeer({ key: agreedKey(identity, as.publicKey), party: 'as', name: 'as' });
    const message = { name: 'coordinatorReport', body: { endpoint: local } } as const;
    try {
      const answer = await signalling.request(peer, as.endpoint, message, { tries: TRIES });
      if (answer.name !== 'coordinatorReportAck') return undefined;
      this.ailment = undefined;
      return answer.body;
    } catch (error) {
      this.ailment = this.reasonOf(error);
      if (error instanceof Refused && error.refusal !== 'unavailable') throw new NtmError('NTM_CONFIG', this.ailment);
      return undefined;
    }
  }

  private reasonOf(error: unknown): string {
    const at = `the account server at ${formatEndpoint(this.as.endpoint)}`;
    if (error instanceof Refused) {
      if (error.refusal === 'unavailable') return `${at} cannot take this coordinator's report now`;
      return `${at} knows this key as that of another server`;
    }
    if (!(error instanceof Unanswered && error.keyUnknown)) return `${at} does not answer yet`;
    const key = formatKey(this.identity.publicKey);
    return `${at} does not know this coordinator: "coordinators" in its settings needs the key ${key}`;
  }
}
