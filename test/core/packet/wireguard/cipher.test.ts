/** Both backends of the transport cipher: published keystream, one oracle (noble, itself held to RFC 8439), failures. */
import { chacha20poly1305 } from '@noble/ciphers/chacha';
import assert from 'node:assert/strict';
import { type CipherFactory, nodeCipher, sodiumCipher } from '../../../../core/packet/wireguard/cipher';
import { SeededRandom } from '../../../support/virtual-time';

const SEED = 8439;
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const backends: Record<string, CipherFactory> = { 'node:crypto': nodeCipher };
try {
  backends['libsodium'] = sodiumCipher(require('sodium-native') as Parameters<typeof sodiumCipher>[0]);
} catch {
  // The optional package is not installed here.
}

function nonceOf(counter: number): Uint8Array {
  const nonce = Buffer.alloc(12);
  nonce.writeBigUInt64LE(BigInt(counter), 4);
  return nonce;
}

describe('transport cipher', () => {
  it('the oracle: RFC 8439 section 2.8.2 -> the published bytes', () => {
    const from = (length: number, first: number): Uint8Array => Uint8Array.from({ length }, (_, i) => first + i);
    const nonce = Buffer.from('070000004041424344454647', 'hex');
    const additional = Buffer.from('50515253c0c1c2c3c4c5c6c7', 'hex');
    const plaintext = Buffer.from(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
        'sunscreen would be it.',
    );
    assert.equal(
      hex(chacha20poly1305(from(32, 0x80), nonce, additional).encrypt(plaintext)),
      'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b' +
        '1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc' +
        '3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691',
    );
  });

  for (const [name, factory] of Object.entries(backends)) {
    describe(name, () => {
      it('RFC 8439 appendix A.1 vector 2: zeros under the zero key -> the published keystream', () => {
        const out = new Uint8Array(80);
        factory(new Uint8Array(32)).seal(0, new Uint8Array(64), out);
        assert.equal(
          hex(out.subarray(0, 64)),
          '9f07e7be5551387a98ba977c732d080dcb0f29a048e3656912c6533e32ee7aed' +
            '29b721769ce64e43d57133b074d839d531ed1f28510afb45ace10a1f4b794d6f',
        );
      });

      it(`seeded lengths and counters (seed ${SEED}) -> the oracle's bytes, and back`, () => {
        const random = new SeededRandom(SEED);
        const counters = [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 3, 2 ** 53 - 1];
        for (let i = 0; i < 200; i++) {
          const counter = counters[i % counters.length]!;
          const key = random.bytes(32);
          const plaintext = random.bytes(i < 20 ? i : random.below(1_500));
          const cipher = factory(key);
          const sealed = new Uint8Array(plaintext.length + 16);
          cipher.seal(counter, plaintext, sealed);
          assert.equal(hex(sealed), hex(chacha20poly1305(key, nonceOf(counter)).encrypt(plaintext)));
          const opened = new Uint8Array(plaintext.length);
          assert.equal(cipher.open(counter, sealed, opened), true);
          assert.equal(hex(opened), hex(plaintext));
        }
      });

      it('another counter, key, or any bit changed -> false, nothing thrown', () => {
        const cipher = factory(new Uint8Array(32).fill(1));
        const sealed = new Uint8Array(48);
        cipher.seal(7, new Uint8Array(32).fill(2), sealed);
        const out = new Uint8Array(32);
        assert.equal(cipher.open(8, sealed, out), false);
        assert.equal(factory(new Uint8Array(32)).open(7, sealed, out), false);
        for (let bit = 0; bit < sealed.length * 8; bit++) {
          const changed = sealed.slice();
          changed[bit >> 3]! ^= 1 << (bit & 7);
          assert.equal(cipher.open(7, changed, out), false, `bit ${bit}`);
        }
        assert.equal(cipher.open(7, sealed, out), true);
      });

      it('destroyed -> its key is zeros', () => {
        const cipher = factory(new Uint8Array(32).fill(3));
        cipher.destroy();
        const [sealed, ofZeroKey] = [new Uint8Array(32), new Uint8Array(32)];
        cipher.seal(0, new Uint8Array(16), sealed);
        factory(new Uint8Array(32)).seal(0, new Uint8Array(16), ofZeroKey);
        assert.deepEqual(sealed, ofZeroKey);
      });
    });
  }
});
