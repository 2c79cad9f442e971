/** The handshake's primitives against published vectors; where none fit, against Python's hashlib and hmac. */
import assert from 'node:assert/strict';
import { aeadOpen, aeadSeal, hash, kdf, mac, xaeadOpen, xaeadSeal } from '../../../../core/packet/wireguard/crypto';

const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const upTo = (length: number, first = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => first + i);

describe('crypto', () => {
  it('RFC 7693 appendix B: hash of abc -> the published digest', () => {
    const digest = '508c5e8c327c14e2e1a72ba34eeb452f37458b209ed63a294d999b4c86675982';
    assert.equal(hex(hash('abc')), digest);
    assert.equal(hex(hash('a', bytes('6263'))), digest);
  });

  it('keyed hash of 16 bytes: lengths around a block -> as hashlib.blake2s(digest_size=16, key=bytes(range(32)))', () => {
    const expected = {
      0: '9536f9b267655743dee97b8a670f9f53',
      1: '13bacfb85b48a1223c595f8c1e7e82cb',
      63: 'ece382a8bd5018f1de5da44b72cea75b',
      64: 'f1efa90d2547036841ecd3627fafbc36',
      65: '811ff8686d23a435ecbd0bdafcd27b1b',
      116: '072e94ffbfc684bd8ab2a1b9dade2fd5',
      255: 'cd075928ab7e6883e697fe7fd3ac43ee',
    };
    for (const [length, digest] of Object.entries(expected)) {
      assert.equal(hex(mac(upTo(32), upTo(Number(length)))), digest, `${length} bytes`);
    }
    assert.equal(hex(mac(upTo(16), Buffer.from('abc'))), '75296c2d2c0f51210b383f386bc8b1ff', 'a short key');
  });

  it('KDF of 1, 2 and 3 outputs -> as hmac with hashlib.blake2s, each a prefix of the next', () => {
    const expected = [
      '39361a8d4ee4fd55e6d99fe7d0135bfb5f478cbf96a966a2444382227d63c157',
      '984c7dfc817c1aa7da33bd9cbe6bc8b6305b2ec657155055c859b68c7d9fe2eb',
      '9a67df8ca366407eae6f7542211f70e2fd10e3fb123f1e122d9f6eca09fc346e',
    ];
    for (const outputs of [1, 2, 3] as const) {
      assert.deepEqual(kdf(upTo(32), upTo(40, 100), outputs).map(hex), expected.slice(0, outputs));
    }
    assert.deepEqual(kdf(upTo(32), new Uint8Array(0), 2).map(hex), [
      '7a38c34bf2b8738d7374ca77c44ecb309a11d2b2528304fa86052c365e722624',
      '1a17621f346abdc520746a9fb64d8eb03231d674fc15687537b0780fd9c060fd',
    ]);
  });

  it('AEAD of the handshake: every byte changed or cut -> not opened', () => {
    const sealed = aeadSeal(upTo(32), upTo(12), upTo(32, 7));
    assert.deepEqual(aeadOpen(upTo(32), sealed, upTo(32, 7)), upTo(12));
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.slice();
      changed[i]! ^= 1;
      assert.equal(aeadOpen(upTo(32), changed, upTo(32, 7)), undefined);
    }
    assert.equal(aeadOpen(upTo(32), sealed, upTo(32, 8)), undefined);
  });

  it('draft-irtf-cfrg-xchacha-03 appendix A.3.1 -> the published bytes, and back', () => {
    const plaintext = Buffer.from(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, " +
        'sunscreen would be it.',
    );
    const [key, nonce, additional] = [upTo(32, 0x80), upTo(24, 0x40), bytes('50515253c0c1c2c3c4c5c6c7')];
    const sealed =
      'bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39' +
      'ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9' +
      '21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49';
    assert.equal(hex(xaeadSeal(key, nonce, plaintext, additional)), sealed);
    assert.deepEqual(Buffer.from(xaeadOpen(key, nonce, bytes(sealed), additional)!), plaintext);
    assert.equal(xaeadOpen(key, nonce, bytes(`${sealed.slice(0, -2)}00`), additional), undefined);
  });
});
