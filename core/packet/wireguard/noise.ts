/**
 * Noise_IKpsk2 as WireGuard uses it (white paper sections 5.4.2 to 5.4.5). Pure: bytes in, bytes and keys out.
 *
 *   initiator                                         responder
 *   createInitiation  -- ephemeral, {static}, {time} -->  openInitiation
 *   openResponse      <----- ephemeral, {empty} -------   createResponse
 *
 * The names C and H are the white paper's chaining key and hash. Functions that open return `undefined` when the
 * message is not authentic.
 */
import { CONSTRUCTION, IDENTIFIER } from './constants';
import type { DhKeyPair } from '../../wire/x25519';
import { aeadOpen, aeadSeal, hash, kdf } from './crypto';
import { Initiation, MessageType, Response, writeIndex } from './messages';

const INITIAL_C = hash(CONSTRUCTION);
const INITIAL_H = hash(INITIAL_C, IDENTIFIER);
const NOTHING = new Uint8Array(0);

/** What the initiator keeps until the response comes. */
export interface InitiatorState {
  readonly ephemeral: DhKeyPair;
  readonly c: Uint8Array;
  readonly h: Uint8Array;
}

/** What an authentic initiation said. */
export interface OpenedInitiation {
  readonly peerStatic: Uint8Array;
  readonly peerEphemeral: Uint8Array;
  readonly timestamp: Uint8Array;
  readonly c: Uint8Array;
  readonly h: Uint8Array;
}

export interface TransportKeys {
  readonly initiatorToResponder: Uint8Array;
  readonly responderToInitiator: Uint8Array;
}

/** A message of `Initiation.length` bytes, its macs still zero. `undefined` when the peer's key is of low order. */
export function createInitiation(
  own: DhKeyPair,
  peerStatic: Uint8Array,
  ephemeral: DhKeyPair,
  timestamp: Uint8Array,
  sender: number,
): { message: Uint8Array; state: InitiatorState } | undefined {
  const message = new Uint8Array(Initiation.length);
  message[0] = MessageType.initiation;
  writeIndex(message, Initiation.sender, sender);
  message.set(ephemeral.publicKey, Initiation.ephemeral);
  let h = hash(hash(INITIAL_H, peerStatic), ephemeral.publicKey);
  let c = kdf(INITIAL_C, ephemeral.publicKey, 1)[0]!;
  let key: Uint8Array;

  const ephemeralStatic = ephemeral.agree(peerStatic);
  if (!ephemeralStatic) return undefined;
  [c, key] = kdf(c, ephemeralStatic, 2) as [Uint8Array, Uint8Array];
  const sealedStatic = aeadSeal(key, own.publicKey, h);
  message.set(sealedStatic, Initiation.static);
  h = hash(h, sealedStatic);

  const staticStatic = own.agree(peerStatic);
  if (!staticStatic) return undefined;
  [c, key] = kdf(c, staticStatic, 2) as [Uint8Array, Uint8Array];
  const sealedTimestamp = aeadSeal(key, timestamp, h);
  message.set(sealedTimestamp, Initiation.timestamp);
  return { message, state: { ephemeral, c, h: hash(h, sealedTimestamp) } };
}

export function openInitiation(own: DhKeyPair, message: Uint8Array): OpenedInitiation | undefined {
  const peerEphemeral = message.slice(Initiation.ephemeral, Initiation.static);
  let h = hash(hash(INITIAL_H, own.publicKey), peerEphemeral);
  let c = kdf(INITIAL_C, peerEphemeral, 1)[0]!;
  let key: Uint8Array;

  const ephemeralStatic = own.agree(peerEphemeral);
  if (!ephemeralStatic) return undefined;
  [c, key] = kdf(c, ephemeralStatic, 2) as [Uint8Array, Uint8Array];
  const sealedStatic = message.subarray(Initiation.static, Initiation.timestamp);
  const peerStatic = aeadOpen(key, sealedStatic, h);
  if (!peerStatic) return undefined;
  h = hash(h, sealedStatic);

  const staticStatic = own.agree(peerStatic);
  if (!staticStatic) return undefined;
  [c, key] = kdf(c, staticStatic, 2) as [Uint8Array, Uint8Array];
  const sealedTimestamp = message.subarray(Initiation.timestamp, Initiation.mac1);
  const timestamp = aeadOpen(key, sealedTimestamp, h);
  if (!timestamp) return undefined;
  return { peerStatic, peerEphemeral, timestamp, c, h: hash(h, sealedTimestamp) };
}

/** A message of `Response.length` bytes, its macs still zero, and the session's keys. */
export function createResponse(
  initiation: OpenedInitiation,
  presharedKey: Uint8Array,
  ephemeral: DhKeyPair,
  sender: number,
  receiver: number,
): { message: Uint8Array; keys: TransportKeys } | undefined {
  const message = new Uint8Array(Response.length);
  message[0] = MessageType.response;
  writeIndex(message, Response.sender, sender);
  writeIndex(message, Response.receiver, receiver);
  message.set(ephemeral.publicKey, Response.ephemeral);

  const ephemerals = ephemeral.agree(initiation.peerEphemeral);
  const ephemeralStatic = ephemeral.agree(initiation.peerStatic);
  if (!ephemerals || !ephemeralStatic) return undefined;
  const mixed = mixResponse(initiation.c, initiation.h, ephemeral.publicKey, ephemerals, ephemeralStatic, presharedKey);
  message.set(aeadSeal(mixed.key, NOTHING, mixed.h), Response.empty);
  return { message, keys: transportKeys(mixed.c) };
}

export function openResponse(
  own: DhKeyPair,
  state: InitiatorState,
  presharedKey: Uint8Array,
  message: Uint8Array,
): TransportKeys | undefined {
  const peerEphemeral = message.slice(Response.ephemeral, Response.empty);
  const ephemerals = state.ephemeral.agree(peerEphemeral);
  const staticEphemeral = own.agree(peerEphemeral);
  if (!ephemerals || !staticEphemeral) return undefined;
  const mixed = mixResponse(state.c, state.h, peerEphemeral, ephemerals, staticEphemeral, presharedKey);
  const empty = aeadOpen(mixed.key, message.subarray(Response.empty, Response.mac1), mixed.h);
  return empty && transportKeys(mixed.c);
}

/** The part of the response that both sides compute alike. */
function mixResponse(
  initialC: Uint8Array,
  initialH: Uint8Array,
  ephemeral: Uint8Array,
  ephemerals: Uint8Array,
  ephemeralStatic: Uint8Array,
  presharedKey: Uint8Array,
): { c: Uint8Array; h: Uint8Array; key: Uint8Array } {
  let c = kdf(initialC, ephemeral, 1)[0]!;
  c = kdf(c, ephemerals, 1)[0]!;
  c = kdf(c, ephemeralStatic, 1)[0]!;
  const [mixedC, tau, key] = kdf(c, presharedKey, 3) as [Uint8Array, Uint8Array, Uint8Array];
  return { c: mixedC, h: hash(hash(initialH, ephemeral), tau), key };
}

function transportKeys(c: Uint8Array): TransportKeys {
  const [initiatorToResponder, responderToInitiator] = kdf(c, NOTHING, 2) as [Uint8Array, Uint8Array];
  c.fill(0);
  return { initiatorToResponder, responderToInitiator };
}
