/**
 * The signalling of one party over one transport: requests with retransmission, answers given once and repeated
 * from memory, oneway messages. Read messages.ts, header.ts and seal.ts first.
 *
 * Order of checks on receipt: header, version, key, seal (authentic from here on), role, table, body, window, handler.
 * Everything that fails is counted by reason and dropped; nothing from the network throws.
 *
 * `Via` is how the transport names the other end: an Endpoint over UDP, a connection over TCP.
 */
import type { Clock, Random, Timer, Timers } from '../runtime';
import { NtmError } from '../errors';
import type { Trace } from '../trace';
import { Answers } from './answers';
import { decodeBody, encodeBody } from './codec';
import { readHeader, Seal, SIGNALLING_VERSION, writeHeader, type Header } from './header';
import { agreedKey, hex, type KeyPair, publicKeyId, type SharedKey } from './keys';
import {
  messageName,
  messages,
  paperStep,
  type Body,
  type Message,
  type MessageName,
  type Party,
  type RefusalCode,
} from './messages';
import { openBox, openSecret, sealBox, sealSecret } from './seal';
import { TransactionWindow } from './transaction-window';

/** First wait for an answer; doubles with each try. A loopback or LAN answer takes a few ms, an LTE one under 200. */
const FIRST_RETRY_MS = 250;
const TRIES = 4;
/** After a hint that our key is unknown there, a real answer is waited for no longer than this. */
const HINT_GRACE_MS = 300;
/** First contacts handled at the same time. Each costs the AS a password hash. */
const STRANGERS_LIMIT = 64;

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
}

/** A party with whom a key is shared. */
export interface Peer {
  readonly key: SharedKey;
  readonly party: Party;
  /** For traces: an FQDN or a server's name. */
  readonly name: string;
}

export interface Context<Via> {
  readonly from: Via;
  readonly peer: Peer;
}

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

type Handler<Via> = (message: Message, context: Context<Via>) => Message | undefined | Promise<Message | undefined>;

interface PeerState extends Peer {
  nextTransaction: bigint;
  readonly window: TransactionWindow;
  readonly answers: Answers;
}

interface Pending {
  readonly peer: PeerState;
  settle(result: Message | Error): void;
  hint(): void;
}

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
  | 'too many strangers';

export class Signalling<Via> {
  /** Datagrams dropped, by reason. */
  readonly drops = new Map<DropReason, number>();
  private readonly peers = new Map<string, PeerState>();
  private readonly strangers = new Map<string, PeerState>();
  private readonly handlers = new Map<MessageName, Handler<Via>>();
  private readonly pending = new Map<string, Pending>();
  private readonly identityKeyId: string | undefined;
  private lastUnknownKeyMs = -Infinity;

  constructor(private readonly options: SignallingOptions<Via>) {
    this.identityKeyId = options.identity && hex(publicKeyId(options.identity.publicKey));
  }

  /** A stranger whose first contact is being handled becomes a peer by this; what was seen of it is kept. */
  addPeer(peer: Peer): Peer {
    const id = hex(peer.key.id);
    const known = this.peers.get(id);
    if (known) return known;
    const state = this.newState(peer);
    this.peers.set(id, state);
    return state;
  }

  removePeer(peer: Peer): void {
    const id = hex(peer.key.id);
    this.peers.delete(id);
    for (const pending of [...this.pending.values()]) {
      if (hex(pending.peer.key.id) === id) pending.settle(new NtmError('NTM_CLOSED', 'the key was withdrawn'));
    }
  }

  /** One handler per message; a request's handler returns the answer or throws Refused. */
  handle<N extends MessageName>(
    name: N,
    handler: (body: Body<N>, context: Context<Via>) => Message | undefined | void | Promise<Message | undefined | void>,
  ): void {
    this.handlers.set(name, (message, context) => handler(message.body, context) as ReturnType<Handler<Via>>);
  }

  /** Rejects with Refused, Unanswered, or NtmError NTM_CLOSED. */
  request(peer: Peer, to: Via, message: Message): Promise<Message> {
    const state = this.stateOf(peer);
    const transaction = state.nextTransaction++;
    const datagram = this.seal(state, transaction, false, message);
    return this.exchange(state, transaction, to, message, datagram);
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
    const peer = this.addPeer({ key: agreedKey(ephemeral, pinned.publicKey), party: pinned.party, name: pinned.name });
    const state = this.stateOf(peer);
    const transaction = state.nextTransaction++;
    const meaning = { version: SIGNALLING_VERSION, response: false, type: messages[message.name].type, transaction };
    const datagram = sealBox(meaning, encodeBody(message.body), ephemeral, pinned.publicKey, this.options.random);
    return { peer, answer: this.exchange(state, transaction, to, message, datagram, publicKeyId(pinned.publicKey)) };
  }

  oneway(peer: Peer, to: Via, message: Message): void {
    const state = this.stateOf(peer);
    const datagram = this.seal(state, state.nextTransaction++, false, message);
    this.traceMessage('send', message.name, state, false);
    this.options.transmit(datagram, to);
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
    const message = decodeBody(name, opened.body);
    if (!message) return this.drop('malformed body');
    if (header.response) this.receiveAnswer(message, header, opened.peer);
    else this.receiveQuestion(message, header, opened.peer, from);
  }

  /** Rejects what is pending with NTM_CLOSED and forgets every key. */
  close(): void {
    for (const pending of [...this.pending.values()]) pending.settle(new NtmError('NTM_CLOSED', 'closed'));
    this.peers.clear();
    this.handlers.clear();
  }

  private exchange(
    peer: PeerState,
    transaction: bigint,
    to: Via,
    message: Message,
    datagram: Uint8Array,
    hintKeyId: Uint8Array = peer.key.id,
  ): Promise<Message> {
    const { timers, transmit } = this.options;
    const id = pendingId(peer.key.id, transaction);
    const hintId = pendingId(hintKeyId, transaction);
    return new Promise((resolve, reject) => {
      let tries = 0;
      let timer: Timer;
      let hinted = false;
      const settle = (result: Message | Error): void => {
        timer.cancel();
        this.pending.delete(id);
        this.pending.delete(hintId);
        if (result instanceof Error) reject(result);
        else if (result.name === 'refusal') reject(new Refused(result.body.code, result.body.addresses));
        else resolve(result);
      };
      const attempt = (): void => {
        if (hinted || tries === TRIES) return settle(new Unanswered(hinted));
        timer = timers.schedule(FIRST_RETRY_MS * 2 ** tries, attempt);
        this.traceMessage('send', message.name, peer, false, tries > 0 ? { retry: tries } : undefined);
        tries += 1;
        transmit(datagram, to);
      };
      const hint = (): void => {
        if (hinted) return;
        hinted = true;
        timer.cancel();
        timer = timers.schedule(HINT_GRACE_MS, attempt);
      };
      const pending = { peer, settle, hint };
      this.pending.set(id, pending);
      this.pending.set(hintId, pending);
      attempt();
    });
  }

  private openBox(datagram: Uint8Array, header: Header, from: Via): { body: Uint8Array; peer: PeerState } | undefined {
    if (!this.options.identity || hex(header.keyId) !== this.identityKeyId) return this.unknownKey(header, from);
    const opened = openBox(datagram, header, this.options.identity);
    if (!opened) return this.drop('not authentic');
    const peer = this.peers.get(hex(opened.key.id)) ?? this.stranger(opened.key);
    return peer ? { body: opened.body, peer } : this.drop('too many strangers');
  }

  /** Anyone can make a box: a stranger is remembered only while its message is handled, and only so many are. */
  private stranger(key: SharedKey): PeerState | undefined {
    const id = hex(key.id);
    const known = this.strangers.get(id);
    if (known || this.strangers.size >= STRANGERS_LIMIT) return known;
    const state = this.newState({ key, party: 'node', name: 'a stranger' });
    this.strangers.set(id, state);
    return state;
  }

  /**
   * Transaction ids start at the wall clock, so that they go on rising when a party with a long-term key restarts
   * (as WireGuard's TAI64N does for handshakes).
   */
  private newState(peer: Peer): PeerState {
    const nextTransaction = BigInt(Math.floor(this.options.clock.wallTimeMs())) << 20n;
    return { nextTransaction, window: new TransactionWindow(), answers: new Answers(), ...peer };
  }

  private openSecret(
    datagram: Uint8Array,
    header: Header,
    from: Via,
  ): { body: Uint8Array; peer: PeerState } | undefined {
    const peer = this.peers.get(hex(header.keyId));
    if (!peer) return this.unknownKey(header, from);
    const body = openSecret(datagram, header, peer.key);
    return body ? { body, peer } : this.drop('not authentic');
  }

  private receiveAnswer(message: Message, header: Header, peer: PeerState): void {
    const pending = this.pending.get(pendingId(peer.key.id, header.transaction));
    if (!pending || pending.peer !== peer) return this.drop('unexpected answer');
    this.traceMessage('receive', message.name, peer, true);
    pending.settle(message);
  }

  private receiveQuestion(message: Message, header: Header, peer: PeerState, from: Via): void {
    const handler = this.handlers.get(message.name);
    if (!handler) return this.drop('no handler');
    const answered = peer.answers.find(header.transaction);
    if (answered === 'in progress') return;
    if (answered) return this.options.transmit(answered, from);
    if (!peer.window.accept(header.transaction)) return this.drop('replayed');
    peer.answers.begin(header.transaction);
    this.traceMessage('receive', message.name, peer, false);
    void this.answer(handler, message, header, peer, from);
  }

  private async answer(
    handler: Handler<Via>,
    message: Message,
    header: Header,
    peer: PeerState,
    from: Via,
  ): Promise<void> {
    let reply: Message | undefined;
    try {
      reply = await handler(message, { from, peer });
    } catch (error) {
      if (!(error instanceof Refused)) this.failed(message, error);
      const code = error instanceof Refused ? error.refusal : 'unavailable';
      const addresses = error instanceof Refused ? error.addresses : undefined;
      reply = { name: 'refusal', body: addresses ? { code, addresses } : { code } };
    }
    this.strangers.delete(hex(peer.key.id));
    if (!reply) return;
    const datagram = this.seal(peer, header.transaction, true, reply);
    peer.answers.finish(header.transaction, datagram);
    this.traceMessage('send', reply.name, peer, true);
    this.options.transmit(datagram, from);
  }

  private failed(message: Message, error: unknown): void {
    this.drop('handler failed');
    this.options.trace({
      part: this.options.part,
      event: 'handler failed',
      message: message.name,
      error: String(error),
    });
  }

  private receiveNotice(header: Header): void {
    if (messageName(header.type) !== 'unknownKey') return this.drop('not authentic');
    this.pending.get(pendingId(header.keyId, header.transaction))?.hint();
  }

  /** Tells the sender, at most a hundred times a second in all, that its key is not known here (any more). */
  private unknownKey(header: Header, from: Via): undefined {
    this.drop('unknown key');
    const now = this.options.clock.now();
    if (header.response || now - this.lastUnknownKeyMs < 10) return;
    this.lastUnknownKeyMs = now;
    this.options.transmit(writeHeader({ ...header, seal: Seal.none, type: messages.unknownKey.type }), from);
  }

  private seal(peer: PeerState, transaction: bigint, response: boolean, message: Message): Uint8Array {
    const meaning = { version: SIGNALLING_VERSION, response, type: messages[message.name].type, transaction };
    return sealSecret(meaning, encodeBody(message.body), peer.key, this.options.random);
  }

  private stateOf(peer: Peer): PeerState {
    const state = this.peers.get(hex(peer.key.id));
    if (!state) throw new NtmError('NTM_CLOSED', `no key is shared with ${peer.name}`);
    return state;
  }

  private traceMessage(
    event: 'send' | 'receive',
    name: MessageName,
    peer: Peer,
    response: boolean,
    more?: Record<string, unknown>,
  ): void {
    const { party, part, trace } = this.options;
    const [from, to] = event === 'send' ? [party, peer.party] : [peer.party, party];
    const step = paperStep(name, from, to, response);
    trace({
      part,
      event,
      message: messages[name].title,
      peer: peer.name,
      ...(step && { figure: step.figure, step: step.step }),
      ...more,
    });
  }

  private drop(reason: DropReason): undefined {
    this.drops.set(reason, (this.drops.get(reason) ?? 0) + 1);
  }
}

function pendingId(keyId: Uint8Array, transaction: bigint): string {
  return `${hex(keyId)}/${transaction}`;
}
