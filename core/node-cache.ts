/** The cache of a node (paper 2.5), wired to its DC: loaded when something is first stored or read. */
import { Cache } from './cache/cache';
import type { TakenItems } from './cache/contract';
import { Postbox } from './cache/postbox';
import { NtmError } from './errors';
import { expectMessage } from './negotiation/login';
import { lossBy, type Loss } from './negotiation/registration';
import type { Runtime } from './runtime';
import type { Trace } from './trace';
import type { Endpoint } from './wire/addresses';
import { keyPairFromSecret } from './wire/keys';
import type { Body } from './wire/messages';
import { canonicalName } from './wire/names';
import { Refused, Unanswered, whyUnsent } from './wire/outcomes';
import type { Peer } from './wire/peers';
import type { Signalling } from './wire/signalling';

export interface NodeCacheOptions {
  readonly runtime: Runtime;
  readonly trace: Trace;
  readonly part: string;
  /** WireGuard static secret key, 32 bytes: items are sealed by it and to it. */
  readonly secretKey: Uint8Array;
  readonly signalling: Signalling<Endpoint>;
  readonly taken: TakenItems;
  fqdn(): string | undefined;
  coordinator(): { readonly peer: Peer; readonly endpoint: Endpoint } | undefined;
  whenJoined(): Promise<void>;
  onLost(coordinator: Peer, reason: Loss): void;
  hold(): () => void;
}

export class NodeCache {
  readonly postbox: Postbox;
  readonly items: Cache;

  constructor(private readonly options: NodeCacheOptions) {
    const { runtime, trace, part, secretKey, taken, fqdn, hold } = options;
    const { clock, timers, random } = runtime;
    this.postbox = new Postbox({
      ...{ clock, timers, random, trace, part, taken, fqdn, keys: keyPairFromSecret(secretKey) },
      openStreamPort: (to, events) => runtime.openStreamPort(to, events),
      ask: (body) => this.ask(body),
    });
    this.items = new Cache(this.postbox, timers, hold);
  }

  /** Where something may be stored for this name or address. Rejects with NtmError. */
  access(target: string): Promise<Body<'cacheResponse'>> {
    return this.ask({ target });
  }

  close(): void {
    this.items.close();
    this.postbox.close();
  }

  /** Once more when the DC was not there: this node may have joined again meanwhile. */
  private async ask(body: Body<'cacheRequest'>): Promise<Body<'cacheResponse'>> {
    const request = body.target === undefined ? body : { ...body, target: canonicalName(body.target) };
    await this.options.whenJoined();
    try {
      return await this.askOnce(request);
    } catch (error) {
      if (!lossBy(error)) throw coordinatorError(error, body.target);
    }
    await this.options.whenJoined();
    return this.askOnce(request).catch((error: unknown) => {
      throw coordinatorError(error, body.target);
    });
  }

  private async askOnce(body: Body<'cacheRequest'>): Promise<Body<'cacheResponse'>> {
    const { signalling, onLost } = this.options;
    const coordinator = this.options.coordinator();
    if (!coordinator) throw new NtmError('NTM_NOT_REGISTERED', 'this node is not registered at its DC now');
    const { peer, endpoint } = coordinator;
    try {
      return expectMessage(await signalling.request(peer, endpoint, { name: 'cacheRequest', body }), 'cacheResponse');
    } catch (error) {
      const reason = lossBy(error);
      if (reason) onLost(peer, reason);
      throw error;
    }
  }
}

function coordinatorError(error: unknown, target = 'this node'): Error {
  if (error instanceof Unanswered) {
    const message = `no answer from the direction coordinator${whyUnsent(error)}`;
    return new NtmError('NTM_DC_UNREACHABLE', message, { cause: error });
  }
  if (!(error instanceof Refused)) return error as Error;
  switch (error.refusal) {
    case 'no-such-name':
      return new NtmError('NTM_NO_SUCH_NAME', `no account owns ${target}`);
    case 'never-joined':
      return new NtmError(
        'NTM_NEVER_JOINED',
        `${target} has never joined: it has no key that an item could be sealed to`,
      );
    case 'not-allowed':
      return new NtmError('NTM_NOT_ALLOWED', `the policy of its network lets this node reach nothing at ${target}`);
    case 'not-registered':
      return new NtmError('NTM_NOT_REGISTERED', 'the DC does not know this node any more', { cause: error });
    case 'unavailable':
      return new NtmError('NTM_CACHE_UNREACHABLE', `no cache server for ${target} answers its direction coordinator`);
    default:
      return new NtmError('NTM_PROTOCOL', `the DC refused to name the cache server of ${target}: ${error.refusal}`);
  }
}
