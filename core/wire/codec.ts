/** CBOR (RFC 8949) bodies of signalling messages, validated against the table in messages.ts. */
import type * as CborX from 'cbor-x' with { 'resolution-mode': 'import' };
import * as v from 'valibot';
import { messages, type Body, type Message, type MessageName } from './messages';

const { Encoder } = loadCbor();

/** `copyBuffers`: a key that is kept must not hold on to the datagram that it came in. cbor-x's types do not know it. */
const options = {
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
  copyBuffers: true,
};
const cbor = new Encoder(options);

export function encodeBody<N extends MessageName>(body: Body<N>): Uint8Array {
  return cbor.encode(body);
}

/** `undefined` when the bytes are not a valid body of this message. Unknown fields are ignored. Never throws. */
export function decodeBody(name: MessageName, bytes: Uint8Array): Message | undefined {
  const parsed = v.safeParse(messages[name].body, decodeFirst(bytes));
  return parsed.success ? ({ name, body: parsed.output } as Message) : undefined;
}

/** What is sealed inside a body: CBOR by a schema of its own. */
export function encodeCbor(value: unknown): Uint8Array {
  return cbor.encode(value);
}

/** `undefined` when the bytes are not that. Never throws. */
export function decodeCbor<S extends v.GenericSchema>(schema: S, bytes: Uint8Array): v.InferOutput<S> | undefined {
  const parsed = v.safeParse(schema, decodeFirst(bytes));
  return parsed.success ? parsed.output : undefined;
}

/** The first CBOR item; a first contact is followed by padding, which is ignored. */
function decodeFirst(bytes: Uint8Array): unknown {
  let first: unknown;
  try {
    cbor.decodeMultiple(bytes, (value: unknown) => {
      first = value;
      return false;
    });
  } catch {
    return undefined;
  }
  return first;
}

/**
 * cbor-x looks for a native decoder unless told not to (its documented switch): 5 ms of every program's start, for
 * messages of a few hundred bytes. The program's own environment is left as it was.
 */
function loadCbor(): typeof CborX {
  const before = process.env['CBOR_NATIVE_ACCELERATION_DISABLED'];
  process.env['CBOR_NATIVE_ACCELERATION_DISABLED'] = 'true';
  try {
    // It ships CommonJS, but its types claim to be ESM only.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    return require('cbor-x') as typeof CborX;
  } finally {
    if (before === undefined) delete process.env['CBOR_NATIVE_ACCELERATION_DISABLED'];
    else process.env['CBOR_NATIVE_ACCELERATION_DISABLED'] = before;
  }
}
