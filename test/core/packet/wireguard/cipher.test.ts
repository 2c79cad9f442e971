/** Both backends against a third, pure one, which is itself held to the vector of RFC 8439 first. */
import assert from 'node:assert/strict';
import { chacha20poly1305 } from '@noble/ciphers/chacha';
import { type CipherFactory, nodeCipher, sodiumCipher } from '../../../../core/packet/wireguard/cipher';
import { SeededRandom } from '../../../support/virtual-time';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

const backends: [name: string, cipher: CipherFactory | undefined][] = [
  ['node:crypto', nodeCipher],
  ['libsodium', loadSodium()],
];

it('ChaCha20-Poly1305 of the oracle: RFC 8439 section 2.8.2', () => {
  const plaintext = Buffer.from(
    "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
  );
  const key = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);
  const sealed = chacha20poly1305(key, bytes('070000004041424344454647'), bytes('50515253c0c1c2c3c4c5c6c7'));
  assert.equal(
    hex(sealed.encrypt(plaintext)),
    'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b' +
      '1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc' +
      '3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691',
  );
});

for (const [name, cipher] of backends) {
  describe(`cipher by ${name}`, () => {
    before(function () {
      if (!cipher) this.skip(); // an optional dependency
    });

    it('any length and counter: sealed -> the bytes of the oracle, and opened again', () => {
      const random = new SeededRandom(8439);
      for (const length of [0, 1, 15, 16, 17, 64, 1_280, 1_400, 9_000]) {
        for (const counter of [0, 1, 255, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 5, 2 ** 53 - 2]) {
          const key = random.bytes(32);
          const plaintext = random.bytes(length);
          const subject = cipher!(key);
          const sealed = new Uint8Array(length + 16);
          subject.seal(counter, plaintext, sealed);
          const nonce = new Uint8Array(12);
          new DataView(nonce.buffer).setBigUint64(4, BigInt(counter), true);
          assert.equal(hex(sealed), hex(chacha20poly1305(key, nonce).encrypt(plaintext)), `${length} at ${counter}`);
          const opened = new Uint8Array(length);
          assert.equal(subject.open(counter, sealed, opened), true);
          assert.equal(hex(opened), hex(plaintext));
        }
      }
    });

    it('sealed: each byte changed, cut short, another counter -> not authentic, nothing thrown', () => {
      const subject = cipher!(new Uint8Array(32).fill(9));
      const sealed = new Uint8Array(48);
      subject.seal(7, new Uint8Array(32).fill(1), sealed);
      for (let i = 0; i < sealed.length; i++) {
        const flipped = sealed.slice();
        flipped[i]! ^= 0x80;
        assert.equal(subject.open(7, flipped, new Uint8Array(32)), false);
      }
      for (let length = 16; length < 48; length++) {
        assert.equal(subject.open(7, sealed.subarray(0, length), new Uint8Array(length - 16)), false);
      }
      assert.equal(subject.open(8, sealed, new Uint8Array(32)), false);
    });

    it('destroyed: opens what was sealed before -> not authentic, and the owner keeps its own copy of the key', () => {
      const key = new Uint8Array(32).fill(9);
      const subject = cipher!(key);
      const sealed = new Uint8Array(48);
      subject.seal(7, new Uint8Array(32), sealed);
      subject.destroy();
      assert.equal(subject.open(7, sealed, new Uint8Array(32)), false);
      assert.deepEqual(key, new Uint8Array(32).fill(9));
    });
  });
}

function loadSodium(): CipherFactory | undefined {
  try {
    return sodiumCipher(require('sodium-native') as Parameters<typeof sodiumCipher>[0]);
  } catch {
    return undefined;
  }
}
