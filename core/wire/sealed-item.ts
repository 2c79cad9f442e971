/**
 * A cached item as servers see it: sealed by its sender for its receiver.
 *
 *   0         magic 0x43 ('C')
 *   1         version
 *   2..9      id of the receiver's public key (keys.ts)
 *   10..41    public key of an ephemeral key pair of the sender
 *   42..65    nonce, random
 *   66..67    length n of the box, big endian
 *   68..      box (NaCl) from the ephemeral key to the receiver's of:
 *               0..31    sender's public key
 *               32..79   box with the same nonce, from the sender's key to the receiver's, of the content key (32 bytes)
 *               80..     voucher (voucher.ts)
 *   68+n..    ChaCha20-Poly1305 (RFC 8439) under the content key with a nonce of zeros, with all of the above as
 *             additional data, of:
 *               0..1     length m of the label, big endian
 *               2..      label in CBOR
 *               2+m..    content
 *
 * The outer box hides the sender, and keeps items closed to who steals the sender's key later; the inner box is what
 * only the sender and the receiver can have made. Every item has a content key of its own, hence the nonce of zeros.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import nacl from 'tweetnacl';
import * as v from 'valibot';
import type { Random } from '../runtime';
import { decodeCbor, encodeCbor } from './codec';
import { KEY_LENGTH } from './key-length';
import { agreedKey, generateKeyPair, publicKeyId, type KeyPair } from './keys';

const MAGIC = 0x43;
const VERSION = 1;
const Offset = { magic: 0, version: 1, keyId: 2, ephemeral: 10, nonce: 42, boxLength: 66, box: 68 } as const;
const BoxOffset = { sender: 0, contentKey: 32, voucher: 80 } as const;
const NONCE = { box: 24, content: 12 } as const;
const TAG_LENGTH = 16;
const CIPHER = 'chacha20-poly1305';

const natural = (most: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));
const name = v.pipe(v.string(), v.minLength(1), v.maxLength(253));

const label = v.object({
  id: v.custom<Uint8Array>((value) => value instanceof Uint8Array && value.length === 16, 'must have 16 bytes'),
  from: name,
  to: name,
  /** The sender's clock, Unix time. */
  sentMs: natural(Number.MAX_SAFE_INTEGER),
  expiresMs: natural(Number.MAX_SAFE_INTEGER),
  /** What the sender's program calls it, e.g. a file name. */
  name: v.optional(v.pipe(v.string(), v.maxLength(1024))),
  /** Media type. */
  type: v.optional(v.pipe(v.string(), v.maxLength(255))),
  /** A UDP datagram, of a virtual address of this version. */
  udp: v.optional(
    v.object({ family: v.picklist([4, 6]), sourcePort: natural(65_535), destinationPort: natural(65_535) }),
  ),
});

export type ItemLabel = v.InferOutput<typeof label>;

export interface ItemParties {
  readonly sender: KeyPair;
  readonly receiverPublicKey: Uint8Array;
  readonly voucher: Uint8Array;
}

export function sealItem(about: ItemLabel, content: Uint8Array, parties: ItemParties, random: Random): Uint8Array {
  const encoded = encodeCbor(about);
  return sealPlain([Uint8Array.of(encoded.length >> 8, encoded.length & 0xff), encoded, content], parties, random);
}

/** What a sender can make its receiver open: label and content, or whatever it likes. */
export function sealPlain(plain: readonly Uint8Array[], parties: ItemParties, random: Random): Uint8Array {
  const { sender, receiverPublicKey, voucher } = parties;
  const ephemeral = generateKeyPair(random);
  const nonce = random.bytes(NONCE.box);
  const contentKey = random.bytes(KEY_LENGTH);
  const inner = nacl.secretbox(contentKey, nonce, agreedKey(sender, receiverPublicKey).key);
  const box = nacl.secretbox(
    Buffer.concat([sender.publicKey, inner, voucher]),
    nonce,
    agreedKey(ephemeral, receiverPublicKey).key,
  );
  const header = new Uint8Array(Offset.box + box.length);
  header[Offset.magic] = MAGIC;
  header[Offset.version] = VERSION;
  header.set(publicKeyId(receiverPublicKey), Offset.keyId);
  header.set(ephemeral.publicKey, Offset.ephemeral);
  header.set(nonce, Offset.nonce);
  new DataView(header.buffer).setUint16(Offset.boxLength, box.length);
  header.set(box, Offset.box);
  const cipher = createCipheriv(CIPHER, contentKey, new Uint8Array(NONCE.content), { authTagLength: TAG_LENGTH });
  cipher.setAAD(header, { plaintextLength: plain.reduce((sum, { length }) => sum + length, 0) });
  const sealed = [...plain.map((each) => cipher.update(each)), cipher.final()];
  return new Uint8Array(Buffer.concat([header, ...sealed, cipher.getAuthTag()]));
}

export interface OpenedItem {
  readonly senderPublicKey: Uint8Array;
  readonly voucher: Uint8Array;
  readonly label: ItemLabel;
  readonly content: Uint8Array;
}

/** `other key`: sealed to a key that the receiver does not have (any more). Never throws. */
export function openItem(sealed: Uint8Array, receiver: KeyPair): OpenedItem | 'other key' | 'damaged' {
  const isItem = sealed[Offset.magic] === MAGIC && sealed[Offset.version] === VERSION;
  if (!isItem || sealed.length < Offset.box) return 'damaged';
  const keyId = sealed.subarray(Offset.keyId, Offset.ephemeral);
  if (Buffer.compare(keyId, publicKeyId(receiver.publicKey)) !== 0) return 'other key';
  const view = new DataView(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const body = Offset.box + view.getUint16(Offset.boxLength);
  if (sealed.length < body + TAG_LENGTH) return 'damaged';
  const nonce = sealed.subarray(Offset.nonce, Offset.boxLength);
  const ephemeral = sealed.subarray(Offset.ephemeral, Offset.nonce);
  const box = nacl.secretbox.open(sealed.subarray(Offset.box, body), nonce, agreedKey(receiver, ephemeral).key);
  if (!box || box.length < BoxOffset.voucher) return 'damaged';
  const senderPublicKey = box.slice(BoxOffset.sender, BoxOffset.contentKey);
  const inner = box.subarray(BoxOffset.contentKey, BoxOffset.voucher);
  const contentKey = nacl.secretbox.open(inner, nonce, agreedKey(receiver, senderPublicKey).key);
  const plain = contentKey && decipher(sealed, body, contentKey);
  const opened = plain && labelled(plain);
  return opened ? { senderPublicKey, voucher: box.slice(BoxOffset.voucher), ...opened } : 'damaged';
}

function decipher(sealed: Uint8Array, body: number, contentKey: Uint8Array): Uint8Array | undefined {
  const decipher = createDecipheriv(CIPHER, contentKey, new Uint8Array(NONCE.content), { authTagLength: TAG_LENGTH });
  const end = sealed.length - TAG_LENGTH;
  decipher.setAAD(sealed.subarray(0, body), { plaintextLength: end - body });
  decipher.setAuthTag(sealed.subarray(end));
  try {
    const plain = decipher.update(sealed.subarray(body, end));
    decipher.final();
    return plain;
  } catch {
    return undefined; // not authentic
  }
}

function labelled(plain: Uint8Array): Pick<OpenedItem, 'label' | 'content'> | undefined {
  const length = 2 + ((plain[0] ?? 0) << 8) + (plain[1] ?? 0);
  if (plain.length < length) return undefined;
  const about = decodeCbor(label, new Uint8Array(plain.subarray(2, length)));
  return about && { label: about, content: new Uint8Array(plain.subarray(length)) };
}
