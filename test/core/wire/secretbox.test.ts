/** Both backends of the secretbox: the same bytes, each opens what the other has sealed, and nothing else. */
import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { naclSecretBox, OVERHEAD, sodiumSecretBox, type SecretBox } from '../../../core/wire/secretbox';
import { SeededRandom } from '../../support/virtual-time';

const backends: Record<string, SecretBox> = { tweetnacl: naclSecretBox };
try {
  backends['libsodium'] = sodiumSecretBox(require('sodium-native') as Parameters<typeof sodiumSecretBox>[0]);
} catch {
  // The optional package is not installed here.
}

function sealedBy(backend: SecretBox, plain: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(plain.length + OVERHEAD);
  backend.seal(sealed, plain, nonce, key);
  return sealed;
}

describe('secretbox', () => {
  for (const [name, backend] of Object.entries(backends)) {
    it(`${name}: any length -> what tweetnacl seals, and it opens that`, () => {
      const random = new SeededRandom(1);
      for (const length of [0, 1, 20, 31, 32, 33, 250, 1_136]) {
        const [plain, nonce, key] = [random.bytes(length), random.bytes(24), random.bytes(32)] as const;
        const sealed = sealedBy(naclSecretBox, plain, nonce, key);
        assert.deepEqual(sealedBy(backend, plain, nonce, key), sealed);
        assert.deepEqual(backend.open(sealed, nonce, key), plain);
      }
    });

    it(`${name}: a bit is flipped, another nonce, another key -> not opened`, () => {
      const random = new SeededRandom(2);
      const [plain, nonce, key] = [random.bytes(40), random.bytes(24), random.bytes(32)] as const;
      const sealed = sealedBy(backend, plain, nonce, key);
      for (let at = 0; at < sealed.length; at++) {
        const flipped = sealed.slice();
        flipped[at]! ^= 1;
        assert.equal(backend.open(flipped, nonce, key), undefined);
      }
      assert.equal(backend.open(sealed, random.bytes(24), key), undefined);
      assert.equal(backend.open(sealed, nonce, random.bytes(32)), undefined);
    });
  }
});
