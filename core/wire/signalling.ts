/**
 * The signalling of one party over one transport: requests with retransmission, answers given once and repeated
 * from memory, oneway messages. Read messages.ts, header.ts and seal.ts first; exchanges.ts and peers.ts are its parts.
 *
 * Order of checks on receipt: header, version, key, seal (authentic from here on), table, body, handler, window.
 * Everything that fails is counted by reason and dropped; nothing from the network throws.
 *
 * `Via` is how the transport names the other end: an Endpoint over UDP, a connection over TCP.
 */
import type { Clock, Random, Timers } from '../runtime';
import { NtmError } from '../errors';
import { tellsMessages, type Trace } from '../trace';
import { Forgetting } from './answers';
import { decodeBody, encodeBody } from './codec';
import { Exchanges, type RequestOptions } from './exchanges';
import { readHeader, Seal, SIGNALLING_VERSION, writeHeader, type Header } from './header';
import { agreedKey, type KeyPair, publicKeyId, textOf } from './keys';
import { messageName, messages, type Body, type Message, type MessageName, type Party } from './messages';
import { Refused, Unanswered } from './outcomes';
import { paperStep } from './paper-step';
import { Peers, type Peer, type PeerState } from './peers';
import { openBox, openSecret, sealBox, sealSecret } from './seal';

/** Hints to senders of unknown keys: one in this time, whoever asks. */
const UNKNOWN_KEY_INTERVAL_MS = 10;

export interface SignallingOptions<Via> {
  readonly party: Party;
  /** How the trace names this part. */
  readonly part: string;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly trace: Trace;
  transmit(datagram: Uint8Array, to: Via): void;
  /** Long-term identity; with it, first contacts are accepted. */
  readonly identity?: KeyPair;
  /** Where the transactions with a new peer begin; default: the wall clock. Rises, also from one start to the next. */
  transactionTimeMs?(): number;
  /** Told of each message that was handled; repeated answers are not counted. */
  onHandled?(handled: Handled): void;
}

/** A message that was handled, for those who count. */
export interface Handled {
  readonly message: MessageName;
  /** A refusal's code, `answered`, or `none` for a message that asks for no answer. */
  readonly outcome: string;
  readonly peer: Peer;
  /** As the transport names it. */
  readonly from: unknown;
  readonly durationMs: number;
}

export interface Context<Via> {
  readonly from: Via;
  readonly peer: Peer;
  /** Of Figure 7: what is done about it is, too. Its answer is without being told. */
  readonly handover: boolean;
  /** Runs `action` when the answer has been sent: what the answer must not wait for. */
  afterAnswer(action: () => void): void;
}

type Handler<Via> = (message: Message, context: Context<Via>) => Message | undefined | Promise<Message | undefined>;

export type DropReason =
  | 'not signalling'
  | 'unknown version'
  | 'unknown key'
  | 'not authentic'
  | 'unknown message'
  | 'malformed body'
  | 'replayed'
  | 'unexpected answer'
  | 'no handler'
  | 'handler failed'
  | 'too many strangers'
  | 'too many at once';

export class Signalling<Via> {
  /** Datagrams dropped, by reason. */
  readonly drops = new Map<DropReason, number>();
  private readonly peers: Peers;
  private readonly exchanges: Exchanges;
  private readonly forgetting: Forgetting;
  private readonly handlers = new Map<MessageName, Handler<Via>>();
  private readonly identityKeyId: string | undefined;
  private lastUnknownKeyMs = -Infinity;

  constructor(private readonly options: SignallingOptions<Via>) {
    this.identityKeyId = options.identity && textOf(publicKeyId(options.identity.publicKey));
    this.peers = new Peers(() => options.transactionTimeMs?.() ?? options.clock.wallTimeMs());
    this.exchanges = new Exchanges(options.timers, options.clock);
    this.forgetting = new Forgetting(options.clock);
  }

  /** `seenUpTo`: of a peer known from before a restart, its highest transaction id then. */
  addPeer(peer: Peer, seenUpTo?: bigint): Peer {
    return this.peers.add(peer, seenUpTo);
  }

  /** The highest transaction id of this peer's messages. */
  highestOf(peer: Peer): bigint {
    return this.peers.find(peer.key.id)?.window.top ?? -1n;
  }

  /** Whom a key is shared with. */
  holderOf(keyId: Uint8Array): Peer | undefined {
    return this.peers.find(keyId);
  }

  removePeer(peer: Peer): void {
    this.peers.remove(peer);
    this.exchanges.abort(new NtmError('NTM_CLOSED', 'the key was withdrawn'), peer.key.id);
  }

  /** Somebody found that this peer is silent: nothing waits for it any more. Rejects with Unanswered. */
  giveUp(peer: Peer): void {
    this.exchanges.abort(new Unanswered(false), peer.key.id);
  }

  /** One handler per message; a request's handler returns the answer or throws Refused. */
  handle<N extends MessageName>(
    name: N,
    handler: (body: Body<N>, context: Context<Via>) => Message | undefined | void | Promise<Message | undefined | void>,
  ): void {
    this.handlers.set(name, (message, context) => handler(message.body, context) as ReturnType<Handler<Via>>);
  }

  /** Rejects with Refused, Unanswered, NtmError NTM_CLOSED, or the reason of `signal`. */
  request(peer: Peer, to: Via, message: Message, options?: RequestOptions): Promise<Message> {
    const state = this.stateOf(peer);
    const transaction = state.nextTransaction++;
    const datagram = this.seal(state, transaction, false, message);
    return this.exchange(state, transaction, to, message, datagram, state.key.id, options);
  }

  /**
   * A first contact: `message` boxed from an ephemeral key pair to a pinned public key.
   * The peer that results shares a key with the other side for what follows.
   */
  firstContact(
    to: Via,
    message: Message,
    ephemeral: KeyPair,
    pinned: { publicKey: Uint8Array; party: Party; name: string },
  ): { peer: Peer; answer: Promise<Message> } {
    const { publicKey, party, name } = pinned;
    const peer = this.peers.add({ key: agreedKey(ephemeral, publicKey), party, name });
    const transaction = peer.nextTransaction++;
    const datagram = sealBox(
      meaningOf(message, transaction, false),
      encodeBody(message.body),
      ephemeral,
      publicKey,
      this.options.random,
    );
    return { peer, answer: this.exchange(peer, transaction, to, message, datagram, publicKeyId(publicKey)) };
  }

  oneway(peer: Peer, to: Via, message: Message): void {
    const state = this.stateOf(peer);
    const datagram = this.seal(state, state.nextTransaction++, false, message);
    this.traceMessage('send', message, state, false);
    this.options.transmit(datagram, to);
  }

  /** The transport could not send the last datagram to `to`, the very object that it was given. */
  unsent(to: Via, code: string): void {
    this.exchanges.unsent(to, code);
  }

  /** Somebody waits for what requests to this peer, or all, are about: those last sent so long ago are sent again. */
  hurry(atLeastMs: number, peer?: Peer): void {
    this.exchanges.hurry(atLeastMs, peer?.key.id);
  }

  /** Never throws. */
  receive(datagram: Uint8Array, from: Via): void {
    const header = readHeader(datagram);
    if (!header) return this.drop('not signalling');
    if (header.version !== SIGNALLING_VERSION) return this.drop('unknown version');
    if (header.seal === Seal.none) return this.receiveNotice(header);
    const opened =
      header.seal === Seal.box ? this.openBox(datagram, header, from) : this.openSecret(datagram, header, from);
    if (!opened) return;
    const name = messageName(header.type);
    if (!name) return this.drop('unknown message');
    const decoded = decodeBody(name, opened.body);
    if (!decoded) return this.drop('malformed body');
    const message = header.handover ? { ...decoded, handover: true } : decoded;
    if (header.response) this.receiveAnswer(message, header, opened.peer);
    else this.receiveQuestion(message, header, opened.peer, from);
  }

  /** Rejects what is pending with NTM_CLOSED and forgets every key. */
  close(): void {
    this.exchanges.abort(new NtmError('NTM_CLOSED', 'closed'));
    this.peers.clear();
    this.handlers.clear();
  }

  private exchange(
    peer: PeerState,
    transaction: bigint,
    to: Via,
    message: Message,
    datagram: Uint8Array,
    hintKeyId: Uint8Array,
    options?: RequestOptions,
  ): Promise<Message> {
    const send = (retry: number): void => {
      this.traceMessage('send', message, peer, false, retry > 0 ? { retry } : undefined);
      this.options.transmit(datagram, to);
    };
    return this.exchanges.begin({ ...options, keyId: peer.key.id, hintKeyId, transaction, to, send });
  }

  private openBox(datagram: Uint8Array, header: Header, from: Via): { body: Uint8Array; peer: PeerState } | undefined {
    if (!this.options.identity || textOf(header.keyId) !== this.identityKeyId) return this.unknownKey(header, from);
    const opened = openBox(datagram, header, this.options.identity);
    return opened ? { body: opened.body, peer: this.peers.behind(opened.key) } : this.drop('not authentic');
  }

  private openSecret(
    datagram: Uint8Array,
    header: Header,
    from: Via,
  ): { body: Uint8Array; peer: PeerState } | undefined {
    const peer = this.peers.find(header.keyId);
    if (!peer) return this.unknownKey(header, from);
    const body = openSecret(datagram, header, peer.key);
    return body ? { body, peer } : this.drop('not authentic');
  }

  private receiveAnswer(message: Message, header: Header, peer: PeerState): void {
    const waiting = this.exchanges.waitingFor(peer.key.id, header.transaction);
    if (!waiting) return this.drop('unexpected answer');
    this.traceMessage('receive', message, peer, true);
    waiting.settle(message);
  }

  private receiveQuestion(message: Message, { transaction }: Header, peer: PeerState, from: Via): void {
    const handler = this.handlers.get(message.name);
    if (!handler) return this.drop('no handler');
    const answered = peer.answers.find(transaction);
    if (answered) return this.repeat(message, answered, peer, from);
    if (!peer.window.isNew(transaction)) return this.drop('replayed');
    const excess = this.peers.meet(peer);
    if (excess) return this.drop(excess);
    peer.window.accept(transaction);
    peer.answers.begin(transaction);
    this.forgetting.later(peer.answers, transaction);
    this.traceMessage('receive', message, peer, false);
    this.answer(handler, message, transaction, peer, from)
      .catch((error: unknown) => this.failed(message, error))
      .finally(() => this.peers.part(peer));
  }

  /** A duplicate: answered again from memory, or soon, when the first one's answer is ready. */
  private repeat(message: Message, answered: Uint8Array | 'in progress', peer: PeerState, from: Via): void {
    this.traceMessage('receive', message, peer, false, { duplicate: true });
    if (answered !== 'in progress') this.options.transmit(answered, from);
  }

  private async answer(
    handler: Handler<Via>,
    message: Message,
    transaction: bigint,
    peer: PeerState,
    from: Via,
  ): Promise<void> {
    const beganMs = this.options.clock.now();
    let afterAnswer = (): void => {};
    const { handover = false } = message;
    const context = { from, peer, handover, afterAnswer: (action: () => void) => (afterAnswer = action) };
    const given = await this.replyOf(handler, message, context);
    const reply = given && handover ? { ...given, handover } : given;
    if (reply) {
      const datagram = this.seal(peer, transaction, true, reply);
      peer.answers.finish(transaction, datagram);
      // A stranger may have become somebody by what it said.
      this.traceMessage('send', reply, this.peers.find(peer.key.id) ?? peer, true);
      this.options.transmit(datagram, from);
    }
    const durationMs = this.options.clock.now() - beganMs;
    this.options.onHandled?.({ message: message.name, outcome: outcomeOf(reply), peer, from, durationMs });
    afterAnswer();
  }

  private async replyOf(handler: Handler<Via>, message: Message, context: Context<Via>): Promise<Message | undefined> {
    try {
      return await handler(message, context);
    } catch (error) {
      if (!(error instanceof Refused)) this.failed(message, error);
      const { refusal: code, addresses } = error instanceof Refused ? error : new Refused('unavailable');
      return { name: 'refusal', body: addresses ? { code, addresses } : { code } };
    }
  }

  private failed(message: Message, error: unknown): void {
    this.drop('handler failed');
    const { part, trace } = this.options;
    trace({ part, event: 'handler failed', message: message.name, error: String(error) });
  }

  private receiveNotice(header: Header): void {
    if (messageName(header.type) !== 'unknownKey') return this.drop('not authentic');
    if (!this.exchanges.hint(header.keyId, header.transaction)) this.drop('unexpected answer');
  }

  /** Tells the sender that its key is not known here (any more); never more bytes than it sent. */
  private unknownKey(header: Header, from: Via): undefined {
    this.drop('unknown key');
    const now = this.options.clock.now();
    if (header.response || now - this.lastUnknownKeyMs < UNKNOWN_KEY_INTERVAL_MS) return;
    this.lastUnknownKeyMs = now;
    this.options.transmit(writeHeader({ ...header, seal: Seal.none, type: messages.unknownKey.type }), from);
  }

  private seal(peer: PeerState, transaction: bigint, response: boolean, message: Message): Uint8Array {
    return sealSecret(
      meaningOf(message, transaction, response),
      encodeBody(message.body),
      peer.key,
      this.options.random,
    );
  }

  private stateOf(peer: Peer): PeerState {
    const state = this.peers.find(peer.key.id);
    if (!state) throw new NtmError('NTM_CLOSED', `no key is shared with ${peer.name}`);
    return state;
  }

  private traceMessage(
    event: 'send' | 'receive',
    { name, handover = false }: Message,
    peer: Peer,
    response: boolean,
    more?: Record<string, unknown>,
  ): void {
    const { party, part, trace } = this.options;
    if (!tellsMessages(trace)) return;
    const [from, to] = event === 'send' ? [party, peer.party] : [peer.party, party];
    const step = paperStep(name, { from, to, response, handover });
    trace({
      ...{ part, event, message: messages[name].title, peer: peer.name },
      ...(step && { figure: step.figure, step: step.step }),
      ...more,
    });
  }

  private drop(reason: DropReason): undefined {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}

function meaningOf({ name, handover = false }: Message, transaction: bigint, response: boolean) {
  return { version: SIGNALLING_VERSION, response, handover, type: messages[name].type, transaction };
}

function outcomeOf(reply: Message | undefined): string {
  if (!reply) return 'none';
  return reply.name === 'refusal' ? reply.body.code : 'answered';
}
