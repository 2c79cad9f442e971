/** Both backends of X25519: the published results, no secret with points of low order. */
import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { describe, it } from 'mocha';
import { opensslX25519, sodiumX25519, type X25519 } from '../../../core/wire/x25519';
import { SeededRandom } from '../../support/virtual-time';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array | undefined): string => Buffer.from(value!).toString('hex');
const random = new SeededRandom(1);

const backends: Record<string, X25519> = { OpenSSL: opensslX25519 };
try {
  backends['libsodium'] = sodiumX25519(require('sodium-native') as Parameters<typeof sodiumX25519>[0]);
} catch {
  // The optional package is not installed here.
}

describe('X25519', () => {
  for (const [name, keyPair] of Object.entries(backends)) {
    it(`${name}: RFC 7748 section 6.1, both sides agree -> the published secret`, () => {
      const alice = keyPair(bytes('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'));
      const bob = keyPair(bytes('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'));
      assert.equal(hex(alice.publicKey), '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
      assert.equal(hex(bob.publicKey), 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
      const secret = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
      assert.equal(hex(alice.agree(bob.publicKey)), secret);
      assert.equal(hex(bob.agree(alice.publicKey)), secret);
    });

    it(`${name}: any keys -> what OpenSSL agrees on; the secret key is copied`, () => {
      for (let i = 0; i < 20; i++) {
        const [secret, other] = [random.bytes(32), opensslX25519(random.bytes(32)).publicKey];
        const pair = keyPair(secret);
        const expected = opensslX25519(secret);
        secret.fill(0);
        assert.deepEqual(pair.publicKey, expected.publicKey);
        assert.deepEqual(pair.agree(other), expected.agree(other));
        // The top bit of a public key does not count (RFC 7748 section 5).
        assert.deepEqual(pair.agree(other.with(31, other[31]! | 0x80)), expected.agree(other));
      }
    });

    it(`${name}: public keys of low order -> no secret, nothing thrown`, () => {
      const own = keyPair(random.bytes(32));
      const lowOrder = [
        '00'.repeat(32),
        `01${'00'.repeat(31)}`,
        'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
        '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
        `ec${'ff'.repeat(30)}7f`,
      ];
      for (const key of lowOrder) assert.equal(own.agree(bytes(key)), undefined, key);
      assert.equal(own.agree(new Uint8Array(31)), undefined, 'nor of a wrong length');
    });

    it(`${name}: the program's own scrypt has failed -> keys are none the worse for what OpenSSL remembers`, () => {
      const failing = (): Buffer => scryptSync('password', 'salt', 32, { N: 2 ** 20, r: 8, p: 1 });
      const secret = random.bytes(32);
      const [a, b] = [keyPair(secret), keyPair(random.bytes(32))];
      assert.throws(failing, /memory limit/);
      assert.deepEqual(keyPair(secret).publicKey, a.publicKey);
      assert.throws(failing, /memory limit/);
      const shared = a.agree(b.publicKey);
      assert.ok(shared);
      assert.deepEqual(b.agree(a.publicKey), shared);
    });
  }

  it('libsodium: a forgotten pair -> agrees on nothing that it did before', function () {
    const keyPair = backends['libsodium'];
    if (!keyPair) this.skip();
    const [pair, other] = [keyPair(random.bytes(32)), keyPair(random.bytes(32)).publicKey];
    const before = pair.agree(other);
    pair.forget();
    assert.notDeepEqual(pair.agree(other), before);
  });
});
