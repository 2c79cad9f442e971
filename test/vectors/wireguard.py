#!/usr/bin/env python3
"""Golden bytes of the WireGuard messages, made by a second implementation of the white paper (Donenfeld 2017, 5.4).

Nothing here shares code with the TypeScript: hashes are Python's hashlib, curve and AEAD are pyca/cryptography,
HChaCha20 is written out. Run it and compare with test/core/packet/wireguard/golden.test.ts:

    python3 test/vectors/wireguard.py
"""
import hashlib
import hmac as hmaclib
import struct

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305


def fixed(first, length=32):
    return bytes((first + i) % 256 for i in range(length))


def hash_(*parts):
    return hashlib.blake2s(b"".join(parts)).digest()


def mac(key, message):
    return hashlib.blake2s(message, key=key, digest_size=16).digest()


def hmac(key, message):
    return hmaclib.new(key, message, hashlib.blake2s).digest()


def kdf(key, message, count):
    secret, outputs, last = hmac(key, message), [], b""
    for i in range(1, count + 1):
        last = hmac(secret, last + bytes([i]))
        outputs.append(last)
    return outputs


def public(secret):
    return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()


def dh(secret, peer):
    return X25519PrivateKey.from_private_bytes(secret).exchange(X25519PublicKey.from_public_bytes(peer))


def aead(key, counter, plaintext, additional):
    return ChaCha20Poly1305(key).encrypt(bytes(4) + struct.pack("<Q", counter), plaintext, additional)


def hchacha20(key, nonce):
    """draft-irtf-cfrg-xchacha-03, 2.2"""
    state = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce))

    def quarter(a, b, c, d):
        for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            state[x] = (state[x] + state[y]) & 0xFFFFFFFF
            mixed = state[z] ^ state[x]
            state[z] = ((mixed << turn) | (mixed >> (32 - turn))) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *state[:4], *state[12:])


def xaead(key, nonce, plaintext, additional):
    subkey = hchacha20(key, nonce[:16])
    return ChaCha20Poly1305(subkey).encrypt(bytes(4) + nonce[16:], plaintext, additional)


# Inputs, as in the test: every key is a run of bytes from its first.
SI, SR, EI, ER, PSK = fixed(0x10), fixed(0x40), fixed(0x70), fixed(0xA0), fixed(0xD0)
SENDER_I, SENDER_R = 0x01020304, 0x05060708
TIMESTAMP = bytes.fromhex("400000006774858a") + bytes.fromhex("0f000000")

# 5.4.2: first message
c = hash_(b"Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s")
h = hash_(c, b"WireGuard v1 zx2c4 Jason@zx2c4.com")
h = hash_(h, public(SR))
(c,) = kdf(c, public(EI), 1)
h = hash_(h, public(EI))
c, k = kdf(c, dh(EI, public(SR)), 2)
static = aead(k, 0, public(SI), h)
h = hash_(h, static)
c, k = kdf(c, dh(SI, public(SR)), 2)
timestamp = aead(k, 0, TIMESTAMP, h)
h = hash_(h, timestamp)
initiation = bytes([1, 0, 0, 0]) + struct.pack("<I", SENDER_I) + public(EI) + static + timestamp
mac1 = mac(hash_(b"mac1----", public(SR)), initiation)
print("initiation", (initiation + mac1 + bytes(16)).hex())

# 5.4.7: cookie reply to it; then the initiation with mac2
secret, nonce = fixed(0x21), fixed(0x51, 24)
cookie = mac(secret, b"192.0.2.1:1001")
sealed = xaead(hash_(b"cookie--", public(SR)), nonce, cookie, mac1)
print("cookie-reply", (bytes([3, 0, 0, 0]) + struct.pack("<I", SENDER_I) + nonce + sealed).hex())
print("mac2", mac(cookie, initiation + mac1).hex())

# 5.4.3: second message
(c,) = kdf(c, public(ER), 1)
h = hash_(h, public(ER))
(c,) = kdf(c, dh(ER, public(EI)), 1)
(c,) = kdf(c, dh(ER, public(SI)), 1)
c, tau, k = kdf(c, PSK, 3)
h = hash_(h, tau)
empty = aead(k, 0, b"", h)
response = bytes([2, 0, 0, 0]) + struct.pack("<II", SENDER_R, SENDER_I) + public(ER) + empty
print("response", (response + mac(hash_(b"mac1----", public(SI)), response) + bytes(16)).hex())

# 5.4.5, 5.4.6: transport
to_responder, to_initiator = kdf(c, b"", 2)
print("to-responder", to_responder.hex())
print("to-initiator", to_initiator.hex())
print("keep-alive", (bytes([4, 0, 0, 0]) + struct.pack("<IQ", SENDER_R, 0) + aead(to_responder, 0, b"", b"")).hex())
packet = fixed(0x45, 21) + bytes(11)
print("transport", (bytes([4, 0, 0, 0]) + struct.pack("<IQ", SENDER_R, 2**40 + 1) + aead(to_responder, 2**40 + 1, packet, b"")).hex())
