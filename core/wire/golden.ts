/**
 * A golden datagram of every message: the sample body under a fixed key, nonce and transaction. test/vectors/messages.json
 * and the dumps in PROTOCOL.md are made of these; whoever writes another implementation can check theirs against them.
 */
import { encodeBody } from './codec';
import { Seal, writeHeader } from './header';
import { agreedKey, hex, keyPairFromSecret, sharedKey } from './keys';
import type { MessageSpec } from './message-spec';
import { kindOf, messages, type Body, type MessageName } from './messages';
import { sealBox, sealSecret } from './seal';

/** One body of every message. */
export type SampleBodies = { readonly [N in MessageName]: Body<N> };

export interface Golden {
  readonly name: MessageName;
  readonly seal: 'none' | 'secretbox' | 'box';
  readonly response: boolean;
  /** The sender's. */
  readonly role: 0 | 1;
  readonly body: Uint8Array;
  readonly datagram: Uint8Array;
}

const filled = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

const sender = keyPairFromSecret(filled(32, 0x22));
const receiver = keyPairFromSecret(filled(32, 0x33));

export const fixed = {
  sharedKey: filled(32, 0x11),
  nonce: Uint8Array.from({ length: 24 }, (_, i) => i),
  transaction: 5n,
  /** Of a box: the sender's and the receiver's key pair. */
  ...{ sender, receiver },
} as const;

export function goldenMessages(samples: SampleBodies): Golden[] {
  return (Object.keys(messages) as MessageName[]).flatMap((name) => {
    const { boxed = false }: MessageSpec = messages[name];
    const body = encodeBody(samples[name]);
    if (kindOf(name) === 'notice') return [notice(name, body)];
    return [secret(name, body), ...(boxed ? [box(name, body)] : [])];
  });
}

const random = { bytes: (length: number): Uint8Array => fixed.nonce.slice(0, length) };

function secret(name: MessageName, body: Uint8Array): Golden {
  const response = kindOf(name) === 'response';
  // The side that was asked has role 1.
  const role = response ? 1 : 0;
  const datagram = sealSecret(meaning(name, response), body, sharedKey(fixed.sharedKey, role), random);
  return { name, seal: 'secretbox', response, role, body, datagram };
}

function box(name: MessageName, body: Uint8Array): Golden {
  const { role } = agreedKey(sender, receiver.publicKey);
  const datagram = sealBox(meaning(name, false), body, sender, receiver.publicKey, random);
  return { name, seal: 'box', response: false, role, body, datagram };
}

/** The header of the request that it is about, but for its type and seal. */
function notice(name: MessageName, body: Uint8Array): Golden {
  const { id: keyId } = sharedKey(fixed.sharedKey, 0);
  const header = { ...meaning(name, false), handover: false, seal: Seal.none, role: 0 as const, keyId };
  return { name, seal: 'none', response: false, role: 0, body, datagram: writeHeader(header) };
}

function meaning(name: MessageName, response: boolean) {
  return { version: 1, response, type: messages[name].type, transaction: fixed.transaction };
}

/** What test/vectors/messages.json holds: everything that is needed to make and to open the datagrams, in hex. */
export function goldenFile(samples: SampleBodies): string {
  const { sharedKey: key, nonce, transaction } = fixed;
  const keys = {
    ...{ sharedKey: hex(key), nonce: hex(nonce), transaction: Number(transaction) },
    box: {
      senderSecretKey: hex(sender.secretKey),
      senderPublicKey: hex(sender.publicKey),
      receiverSecretKey: hex(receiver.secretKey),
      receiverPublicKey: hex(receiver.publicKey),
    },
  };
  const vectors = goldenMessages(samples).map(({ name, seal, response, role, body, datagram }) => ({
    ...{ type: messages[name].type, title: messages[name].title, name, seal, response, role },
    ...{ body: readable(samples[name]), cbor: hex(body), datagram: hex(datagram) },
  }));
  return `${JSON.stringify({ ...keys, messages: vectors }, null, 2)}\n`;
}

/** Bytes as `{ hex }`: JSON has none. */
function readable(value: unknown): unknown {
  if (value instanceof Uint8Array) return { hex: hex(value) };
  if (Array.isArray(value)) return value.map(readable);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, readable(inner)]));
}
