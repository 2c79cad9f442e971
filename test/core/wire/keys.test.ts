import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import nacl from 'tweetnacl';
import { agreedKey, keyPairFromSecret } from '../../../core/wire/keys';

const secretOf = (seed: string): Uint8Array => new Uint8Array(createHash('sha256').update(seed).digest());

describe('keys', () => {
  it('any secret key -> the public key that NaCl has for it', () => {
    for (let i = 0; i < 20; i++) {
      const secret = secretOf(`secret ${i}`);
      assert.deepEqual(keyPairFromSecret(secret).publicKey, nacl.box.keyPair.fromSecretKey(secret).publicKey);
    }
  });

  it("two identities -> NaCl's crypto_box key, with a role for each", () => {
    for (let i = 0; i < 20; i++) {
      const [one, other] = [keyPairFromSecret(secretOf(`one ${i}`)), keyPairFromSecret(secretOf(`other ${i}`))];
      const mine = agreedKey(one, other.publicKey);
      const theirs = agreedKey(other, one.publicKey);
      assert.deepEqual(mine.key, nacl.box.before(other.publicKey, one.secretKey));
      assert.deepEqual(theirs.key, mine.key);
      assert.equal(mine.role + theirs.role, 1);
    }
  });

  it("a peer's key of low order or beyond the field -> the key that NaCl makes of it, not an error", () => {
    const own = keyPairFromSecret(secretOf('own'));
    const ones = new Uint8Array(32).fill(255);
    for (const peer of [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31)), ones]) {
      assert.deepEqual(agreedKey(own, peer).key, nacl.box.before(peer, own.secretKey));
    }
  });
});
