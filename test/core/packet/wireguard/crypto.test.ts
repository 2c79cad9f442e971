/** Published vectors; where none fits the narrower functions here, bytes of Python's hashlib (a second implementation). */
import assert from 'node:assert/strict';
import { dh, hash, kdf, keyPair, mac, xaeadOpen, xaeadSeal } from '../../../../core/packet/wireguard/crypto';

const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const run = (first: number, length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => first + i);

describe('primitives', () => {
  it('X25519: RFC 7748 section 6.1', () => {
    const alice = keyPair(bytes('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a'));
    const bob = keyPair(bytes('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb'));
    assert.equal(hex(alice.publicKey), '8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
    assert.equal(hex(bob.publicKey), 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
    const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
    assert.equal(hex(dh(alice, bob.publicKey)), shared);
    assert.equal(hex(dh(bob, alice.publicKey)), shared);
  });

  it('BLAKE2s: RFC 7693 appendix B', () => {
    const abc = '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982';
    assert.equal(hex(hash('abc')), abc);
    assert.equal(hex(hash('a', Uint8Array.of(0x62), 'c')), abc, 'in parts');
  });

  it('keyed BLAKE2s-128: as hashlib.blake2s(message, key=key, digest_size=16)', () => {
    assert.equal(hex(mac(run(0, 32), run(0, 0))), '9536f9b267655743dee97b8a670f9f53');
    assert.equal(hex(mac(run(0, 32), run(0, 64))), 'f1efa90d2547036841ecd3627fafbc36');
    assert.equal(hex(mac(run(0, 32), run(0, 116))), '072e94ffbfc684bd8ab2a1b9dade2fd5');
    assert.equal(hex(mac(run(0, 16), run(0, 132))), 'b03d1196bdcfaad40f911db86b79ac7e');
  });

  it('KDF_1, KDF_2, KDF_3: as hmac over hashlib.blake2s', () => {
    const outputs = [
      '6a96444e20e8d4c1cee974416acae1c10b3c92886010e54ed94dafb2c3b80ea0',
      '57af120b0de7acbe7907ec149c5ae870a2dbb74232b65777ba4123f1f7f888f5',
      '0926c7caabb6e8d73beda759e6f4f0d324ce5b5000bcf8cd784b26db3049faa9',
    ];
    for (const count of [1, 2, 3] as const) {
      assert.deepEqual(kdf(run(0, 32), run(32, 32), count).map(hex), outputs.slice(0, count));
    }
  });

  it('XChaCha20-Poly1305: draft-irtf-cfrg-xchacha-03 appendix A.3.1', () => {
    const plaintext = Buffer.from(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    );
    const key = run(0x80, 32);
    const nonce = run(0x40, 24);
    const additional = bytes('50515253c0c1c2c3c4c5c6c7');
    const sealed =
      'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39' +
      'ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9' +
      '21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49';
    assert.equal(hex(xaeadSeal(key, nonce, plaintext, additional)), sealed);
    assert.equal(hex(xaeadOpen(key, nonce, bytes(sealed), additional)), hex(plaintext));
    for (let i = 0; i < sealed.length / 2; i++) {
      const flipped = bytes(sealed);
      flipped[i]! ^= 0x10;
      assert.equal(xaeadOpen(key, nonce, flipped, additional), undefined);
    }
  });
});
