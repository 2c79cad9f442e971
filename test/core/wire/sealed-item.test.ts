import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'mocha';
import { generateKeyPair, hex, publicKeyId } from '../../../core/wire/keys';
import { openItem, sealItem, type ItemLabel } from '../../../core/wire/sealed-item';
import { openVoucher, sealVoucher } from '../../../core/wire/voucher';
import { SeededRandom } from '../../support/virtual-time';

const random = new SeededRandom(11);
const [sender, receiver, other] = [generateKeyPair(random), generateKeyPair(random), generateKeyPair(random)];
const voucherKey = new Uint8Array(32).fill(0x22);
const voucher = {
  ...{ from: 'alice.ntm.test', publicKey: sender.publicKey, to: 'bob.ntm.test' },
  addresses: { ipv4: '198.18.0.1', ipv6: 'fd00::1' },
};
const label: ItemLabel = {
  ...{ id: new Uint8Array(16).fill(9), from: 'alice.ntm.test', to: 'bob.ntm.test' },
  ...{ sentMs: 1_700_000_000_000, expiresMs: 1_700_000_060_000, name: 'note' },
};
const content = Buffer.from('for bob alone');
const parties = { sender, receiverPublicKey: receiver.publicKey, voucher: sealVoucher(voucher, voucherKey, random) };
const sealed = sealItem(label, content, parties, new SeededRandom(12));

interface Sodium {
  crypto_box_open_easy(message: Buffer, box: Buffer, nonce: Buffer, publicKey: Buffer, secretKey: Buffer): boolean;
  crypto_aead_chacha20poly1305_ietf_decrypt(
    message: Buffer,
    nothing: null,
    sealed: Buffer,
    additional: Buffer,
    nonce: Buffer,
    key: Buffer,
  ): number;
}

/** An independent implementation; an optional dependency of the package. */
function loadSodium(): Sodium | undefined {
  try {
    return require('sodium-native') as Sodium;
  } catch {
    return undefined;
  }
}

describe('sealed item', () => {
  it('under fixed keys and randomness: sealed -> these bytes', () => {
    assert.equal(
      hex(sealed.subarray(0, 68)),
      [
        '4301', // magic, version
        hex(publicKeyId(receiver.publicKey)),
        '3ad78a8c41dadb138c314c3cf4bc365d379359c0114855dea68816114e5ca606', // ephemeral public key
        'c4ff20f167560215ad417c24d6f51e10588e5e034da0b139', // nonce
        '0101', // length of the box
      ].join(''),
    );
    assert.equal(
      createHash('sha256').update(sealed).digest('hex'),
      'b267d1ba7c395d2d716062f7d4eb99577c397b89b4382a487d6316f329309a0b',
    );
  });

  it('opened by libsodium -> sender, voucher, label and content', function () {
    const sodium = loadSodium() ?? this.skip();
    const bytes = Buffer.from(sealed);
    const [ephemeral, nonce] = [bytes.subarray(10, 42), bytes.subarray(42, 66)];
    const end = 68 + bytes.readUInt16BE(66);
    const box = Buffer.alloc(end - 68 - 16);
    const secret = Buffer.from(receiver.secretKey);
    assert(sodium.crypto_box_open_easy(box, bytes.subarray(68, end), nonce, ephemeral, secret));
    assert.deepEqual(box.subarray(0, 32), Buffer.from(sender.publicKey));
    assert.deepEqual(box.subarray(80), Buffer.from(parties.voucher));
    const key = Buffer.alloc(32);
    assert(sodium.crypto_box_open_easy(key, box.subarray(32, 80), nonce, Buffer.from(sender.publicKey), secret));
    const plain = Buffer.alloc(bytes.length - end - 16);
    const header = bytes.subarray(0, end);
    sodium.crypto_aead_chacha20poly1305_ietf_decrypt(plain, null, bytes.subarray(end), header, Buffer.alloc(12), key);
    const labelEnd = 2 + plain.readUInt16BE(0);
    assert.equal(plain.subarray(labelEnd).toString(), 'for bob alone');
    assert.equal(
      plain.subarray(2, 22).toString('hex'),
      'a6' + '626964' + '50' + '09'.repeat(15), // CBOR: a map of six, text(2) "id", bytes(16)
    );
  });

  it('opened by the receiver -> what was sealed', () => {
    const opened = openItem(sealed, receiver);
    assert(typeof opened === 'object');
    assert.deepEqual(opened.label, label);
    assert.deepEqual(Buffer.from(opened.content), content);
    assert.deepEqual(opened.senderPublicKey, sender.publicKey);
    assert.deepEqual(openVoucher(opened.voucher, voucherKey), voucher);
  });

  it('opened with another key -> other key; by one who put its own key id there -> damaged', () => {
    assert.equal(openItem(sealed, other), 'other key');
    const claimed = sealed.slice();
    claimed.set(publicKeyId(other.publicKey), 2);
    assert.equal(openItem(claimed, other), 'damaged');
  });

  it('every prefix, and flipped bits all over it -> not opened', () => {
    for (let length = 0; length < sealed.length; length += length < 70 ? 1 : 9) {
      assert.equal(typeof openItem(sealed.subarray(0, length), receiver), 'string', `${length} bytes`);
    }
    for (let bit = 0; bit < sealed.length * 8; bit += 47) {
      const flipped = sealed.slice();
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(typeof openItem(flipped, receiver), 'string', `bit ${bit}`);
    }
  });

  it("a forger without the sender's key puts its public key into a box of its own -> damaged", () => {
    const forged = sealItem(label, content, { ...parties, sender: { ...other, publicKey: sender.publicKey } }, random);
    assert.equal(openItem(forged, receiver), 'damaged');
  });

  it('voucher: with another key, cut, or of other bytes -> undefined', () => {
    assert.equal(openVoucher(parties.voucher, new Uint8Array(32)), undefined);
    for (let length = 0; length < parties.voucher.length; length++) {
      assert.equal(openVoucher(parties.voucher.subarray(0, length), voucherKey), undefined);
    }
  });
});
