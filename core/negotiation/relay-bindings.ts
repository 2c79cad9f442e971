/**
 * The paths through relay servers that this node has bound (paper 2.4): each is bound before it is used, kept bound
 * while its tunnel uses it, and checked when it is silent.
 *
 *   binding -- Relay Bind answered --> bound -- not wanted any more --> released
 *                                        '---- unanswered, unknown there, draining --> lost: its owner finds another
 *
 * By which of the host's interfaces a path is bound, its tunnel says (packet/paths/relay-standby.ts).
 */
import { NtmError } from '../errors';
import type { Clock, Sender, Timer, Timers } from '../runtime';
import { sameEndpoint, type Endpoint } from '../wire/addresses';
import { hex, sharedKey } from '../wire/keys';
import type { Body } from '../wire/messages';
import type { Peer } from '../wire/peers';
import { hasPathId, isRelayFrame, isRelayHint, pathIdOf } from '../wire/relay-frame';
import type { Signalling } from '../wire/signalling';
import { expectMessage } from './login';

/** Holds the NAT mapping too (RFC 4787 REQ-5 asks for two minutes; cheap routers have 30 s). */
const REFRESH_MS = 20_000;
/** An RS that drains is left as soon as the tunnel goes another way, on both sides. */
const DRAINING_MS = 2_000;
/** While the other side uses a path it is kept, whatever way this side sends: two keep alives of a tunnel. */
const USED_MS = 60_000;
/** Sent, and nothing heard from the RS for so long: is it there? */
const SILENCE_MS = 2_000;
/** In 1,750 ms. */
const TRIES = 3;
/** In 750 ms: after one try nobody would wait for an answer that takes longer than 250 ms. */
const CALL_TRIES = 2;
const BINDINGS_LIMIT = 4_096;
/** A hint may be anybody's: it is believed so often. */
const HINT_INTERVAL_MS = 500;

export type RelayOffer = NonNullable<Body<'routeDirection'>['relay']>;

/** One object for each path that is bound: who has it again compares it with itself. */
export interface RelayPath {
  readonly kind: 'relay';
  readonly endpoint: Endpoint;
  readonly pathId: Uint8Array;
}

interface Binding {
  readonly fqdn: string;
  readonly path: RelayPath;
  /** The RS, known by identity: where what is sent leaves by another interface, that is another object. */
  to: Endpoint;
  readonly peer: Peer;
  refreshTimer?: Timer;
  silenceTimer?: Timer | undefined;
  checking?: Promise<boolean> | undefined;
  /** Anything from the RS, and frames from the other side. */
  lastHeardMs: number;
  lastFrameMs: number;
  lastHintMs: number;
  observed?: Endpoint;
  draining?: boolean;
}

export interface RelayBindingsOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly signalling: Signalling<Endpoint>;
  readonly ports: Sender & {
    /** What goes to this endpoint, known by identity, leaves by that interface. */
    sendBy(by: Sender, to: Endpoint): void;
  };
  canSendTo(endpoint: Endpoint): boolean;
  /** Where a NAT in between forgets sooner than most. */
  readonly keepAlive?: { readonly intervalMs: number | undefined; onChange(tell: () => void): void };
  /** This RS will be sent to. `streams`: where it takes datagrams over TLS, too. */
  addServer?(server: Endpoint, streams: readonly Endpoint[]): void;
  /** Whether the tunnel to this node goes this way. */
  isWanted(fqdn: string, path: RelayPath): boolean;
  /** An RS says where it sees this node. */
  onObserved?(by: Endpoint, observed: Endpoint): void;
  /** The NAT in between has another mapping: what was sent lately did not arrive. */
  onMoved(fqdn: string): void;
  /** The RS does not serve this path any more, or soon will not. */
  onLost(fqdn: string, path: RelayPath, reason: 'silent' | 'draining'): void;
}

export class RelayBindings {
  private readonly bindings = new Map<string, Binding>();
  /** Frames come in trains. */
  private last: Binding | undefined;

  constructor(private readonly options: RelayBindingsOptions) {
    options.keepAlive?.onChange(() => this.checkAll());
  }

  /** Rejects with NtmError NTM_NO_ROUTE when the RS cannot be reached. */
  async bind(fqdn: string, { endpoints, pathId, key, streams = [] }: RelayOffer): Promise<RelayPath> {
    const { clock, signalling, canSendTo, addServer } = this.options;
    const endpoint = endpoints.find(canSendTo) ?? (streams.length > 0 ? endpoints[0] : undefined);
    if (!endpoint)
      throw new NtmError('NTM_NO_ROUTE', `this host has no IP version in common with the relay to ${fqdn}`);
    addServer?.(endpoint, streams);
    if (this.bindings.size >= BINDINGS_LIMIT) this.forgetOldest();
    const binding: Binding = {
      ...{ fqdn, path: { kind: 'relay', endpoint, pathId }, to: endpoint },
      peer: signalling.addPeer({ key: sharedKey(key, 0), party: 'rs', name: 'rs' }),
      ...{ lastHeardMs: clock.now(), lastFrameMs: -Infinity, lastHintMs: -Infinity },
    };
    this.bindings.set(hex(pathId), binding);
    if (await this.check(binding)) return binding.path;
    throw new NtmError('NTM_NO_ROUTE', `the relay server to ${fqdn} does not answer`);
  }

  /** Of a frame from a relay server; undefined when it is of no path of ours, or no frame at all. */
  receive(frame: Uint8Array, from: Endpoint): RelayPath | undefined {
    const binding = isRelayFrame(frame) ? this.find(frame, from) : undefined;
    if (!binding) return undefined;
    binding.lastHeardMs = binding.lastFrameMs = this.options.clock.now();
    return binding.path;
  }

  /** A frame goes this way: something should be heard. `frame` is valid only during the call. */
  send(frame: Uint8Array, path: RelayPath): void {
    const binding = this.last?.path === path ? this.last : this.bindingOf(path);
    this.options.ports.send(frame, binding?.to ?? path.endpoint);
    if (!binding || binding.silenceTimer) return;
    this.last = binding;
    const { clock, timers } = this.options;
    const sinceMs = clock.now();
    binding.silenceTimer = timers.schedule(SILENCE_MS, () => {
      binding.silenceTimer = undefined;
      if (binding.lastHeardMs < sinceMs) void this.check(binding);
    });
  }

  /** Somebody says that the RS does not know this path. */
  receiveHint(hint: Uint8Array, from: Endpoint): void {
    const binding = isRelayHint(hint) ? this.find(hint, from) : undefined;
    const now = this.options.clock.now();
    if (!binding || now - binding.lastHintMs < HINT_INTERVAL_MS) return;
    binding.lastHintMs = now;
    if (binding.draining) this.refresh(binding);
    else void this.check(binding);
  }

  /** What went this way seems not to arrive. */
  doubt(path: RelayPath): void {
    const binding = this.bindingOf(path);
    if (binding) void this.check(binding);
  }

  /** This host has changed its network: the RS has to be told before it can send here again, the sooner the better. */
  hostMoved(): void {
    for (const binding of this.bindings.values()) {
      const isByOther = binding.to !== binding.path.endpoint;
      if (isByOther) this.reachBy(binding.path, undefined);
      else void this.check(binding);
    }
  }

  /** Servers see this node elsewhere. */
  checkAll(): void {
    for (const binding of this.bindings.values()) void this.check(binding);
  }

  /** When something last came from the RS of this path. */
  heardMs(path: RelayPath): number {
    return this.bindingOf(path)?.lastHeardMs ?? -Infinity;
  }

  /** Asks whether it is there. That it does not answer says nothing; the answer may take 750 ms. */
  call(path: RelayPath): void {
    const binding = this.bindingOf(path);
    if (!binding) return;
    const { to } = binding;
    void this.request(binding, CALL_TRIES).then(
      (bound) => this.isKept(binding) && binding.to === to && this.heard(binding, bound),
      () => {},
    );
  }

  /** The RS is reached by another interface from now on, for this path; undefined: by the host's own way. */
  reachBy(path: RelayPath, by: Sender | undefined): void {
    const binding = this.bindingOf(path);
    if (!binding) return;
    binding.to = by ? { ...path.endpoint } : path.endpoint;
    if (by) this.options.ports.sendBy(by, binding.to);
    binding.checking = undefined; // what was asked by the way before says nothing
    void this.check(binding);
  }

  /** The connection to this RS has ended: it can send nothing here. */
  doubtServer(server: Endpoint): void {
    for (const binding of this.bindings.values()) {
      if (sameEndpoint(binding.path.endpoint, server)) void this.check(binding);
    }
  }

  has(path: RelayPath): boolean {
    return this.bindingOf(path) !== undefined;
  }

  /** The tunnel to this node is over. */
  releaseAll(fqdn: string): void {
    for (const binding of [...this.bindings.values()]) if (binding.fqdn === fqdn) this.release(binding);
  }

  close(): void {
    for (const binding of [...this.bindings.values()]) this.release(binding);
  }

  /** Binds, again: true when the path is served on. One at a time. */
  private check(binding: Binding): Promise<boolean> {
    if (binding.checking) return binding.checking;
    const checking = this.ask(binding).finally(() => {
      if (binding.checking === checking) binding.checking = undefined;
    });
    return (binding.checking = checking);
  }

  private async ask(binding: Binding): Promise<boolean> {
    const { path, to } = binding;
    binding.refreshTimer?.cancel();
    let bound: Body<'relayBindAck'>;
    try {
      bound = await this.request(binding, TRIES);
    } catch {
      if (binding.to !== to) return this.isKept(binding);
      if (this.forget(binding)) this.options.onLost(binding.fqdn, path, 'silent');
      return false;
    }
    if (!this.isKept(binding)) return false;
    if (binding.to !== to) return true;
    binding.draining = bound.draining;
    const refreshMs = Math.min(REFRESH_MS, this.options.keepAlive?.intervalMs ?? REFRESH_MS);
    binding.refreshTimer = this.options.timers.schedule(bound.draining ? DRAINING_MS : refreshMs, () =>
      this.refresh(binding),
    );
    this.heard(binding, bound);
    if (bound.draining) this.options.onLost(binding.fqdn, path, 'draining');
    return true;
  }

  private async request({ peer, to }: Binding, tries: number): Promise<Body<'relayBindAck'>> {
    const answer = await this.options.signalling.request(peer, to, { name: 'relayBind', body: {} }, { tries });
    return expectMessage(answer, 'relayBindAck');
  }

  /** Where it sees another interface says nothing of the node's own sockets. */
  private heard(binding: Binding, { observed }: Body<'relayBindAck'>): void {
    const { path, to, observed: before } = binding;
    binding.lastHeardMs = this.options.clock.now();
    binding.observed = observed;
    if (to === path.endpoint) this.options.onObserved?.(path.endpoint, observed);
    if (before && !sameEndpoint(before, observed)) this.options.onMoved(binding.fqdn);
  }

  private refresh(binding: Binding): void {
    const { isWanted, clock } = this.options;
    const isUsed = !binding.draining && clock.now() - binding.lastFrameMs < USED_MS;
    if (isUsed || isWanted(binding.fqdn, binding.path)) void this.check(binding);
    else this.release(binding);
  }

  private release(binding: Binding): void {
    const { peer } = binding;
    if (!this.isKept(binding)) return;
    this.options.signalling.oneway(peer, binding.to, { name: 'relayRelease', body: {} });
    this.forget(binding);
  }

  private forgetOldest(): void {
    for (const oldest of this.bindings.values()) return this.release(oldest);
  }

  private forget(binding: Binding): boolean {
    binding.refreshTimer?.cancel();
    binding.silenceTimer?.cancel();
    if (this.last === binding) this.last = undefined;
    if (!this.isKept(binding)) return false;
    this.bindings.delete(hex(binding.path.pathId));
    this.options.signalling.removePeer(binding.peer);
    return true;
  }

  private isKept(binding: Binding): boolean {
    return this.bindingOf(binding.path) === binding;
  }

  private bindingOf(path: RelayPath): Binding | undefined {
    const binding = this.bindings.get(hex(path.pathId));
    return binding?.path === path ? binding : undefined;
  }

  private find(frame: Uint8Array, from: Endpoint): Binding | undefined {
    const binding =
      this.last && hasPathId(frame, this.last.path.pathId) ? this.last : this.bindings.get(hex(pathIdOf(frame)));
    if (!binding || !sameEndpoint(binding.path.endpoint, from)) return undefined;
    return (this.last = binding);
  }
}
