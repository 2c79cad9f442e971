import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { decodeBody, encodeBody } from '../../../core/wire/codec';
import { DATAGRAM_LIMIT, readHeader, Seal, writeHeader, type Header } from '../../../core/wire/header';
import { agreedKey, generateKeyPair, hex, sharedKey } from '../../../core/wire/keys';
import { messages, type MessageName } from '../../../core/wire/messages';
import { openBox, openSecret, sealBox, sealSecret } from '../../../core/wire/seal';
import { sampleBodies } from '../../support/sample-messages';
import { SeededRandom } from '../../support/virtual-time';

const names = Object.keys(messages) as MessageName[];
const optional = [
  'keyDistribution instance',
  'keyDistribution yielding',
  'loginRequest instance',
  'loginRequest yielding',
  'refusal addresses',
  'routeDirection relay',
  'routeDirection target',
  'routeDirectionAck observed',
  'serverReport draining',
];
const key = new Uint8Array(32).fill(0x11);
const [role0, role1] = [sharedKey(key, 0), sharedKey(key, 1)];

function sealed(name: MessageName, random = new SeededRandom(1)): Uint8Array {
  const meaning = { version: 1, response: false, type: messages[name].type, transaction: 5n };
  return sealSecret(meaning, encodeBody(sampleBodies[name]), role0, random);
}

function open(datagram: Uint8Array, name: MessageName, by = role1) {
  const header = readHeader(datagram);
  const body = header && openSecret(datagram, header, by);
  return body && decodeBody(name, body);
}

interface Sodium {
  crypto_secretbox_open_easy(message: Buffer, box: Buffer, nonce: Buffer, key: Buffer): boolean;
}

/** An independent implementation; an optional dependency of the package. */
function loadSodium(): Sodium | undefined {
  try {
    return require('sodium-native') as Sodium;
  } catch {
    return undefined;
  }
}

describe('header', () => {
  const header: Header = {
    version: 1,
    seal: Seal.secret,
    role: 1,
    response: true,
    type: 16,
    transaction: 0x0102030405060708n,
    keyId: Uint8Array.of(0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7),
  };

  it('a response by role 1: written -> these bytes; read -> the same header', () => {
    assert.equal(hex(writeHeader(header)), '4e01c110' + '0102030405060708' + 'a0a1a2a3a4a5a6a7');
    assert.deepEqual(readHeader(writeHeader(header)), header);
  });

  it('every shorter length, other magic, unknown seal, unknown flags: read -> undefined', () => {
    const bytes = writeHeader(header);
    for (let length = 0; length < bytes.length; length++)
      assert.equal(readHeader(bytes.subarray(0, length)), undefined);
    for (const [at, value] of [
      [0, 0x52],
      [2, 0x03],
      [2, 0x04],
      [2, 0x20],
    ] as const) {
      const other = bytes.slice();
      other[at] = value;
      assert.equal(readHeader(other), undefined);
    }
  });
});

describe('sealed message', () => {
  it('Route Direction Ack under a fixed key and nonce: sealed -> these bytes', () => {
    assert.equal(
      hex(sealed('routeDirectionAck')),
      [
        '4e0101110000000000000005c2fa760684294151', // header
        '72f0fd396070b0a9bf80ed531e5ee7fcd5ec4008cbd9a7ab', // nonce
        'a4f48223d88bc7b3d563e4aaa23a13e6', // authenticator
        'a0dc792c1d61e17eb5ca97c3e43ebdb4d7264561acfe0d96913d2feb291c6ae8a0b347ecb31b', // sealed copy of the header and body
        'fb306c60c63311fc205d5a9b1be2bdfa834ffcd82548c145f48bad74372f56233ca3dfb84a71ae9f',
      ].join(''),
    );
  });

  it('Route Direction Ack: opened by libsodium -> header and CBOR body', function () {
    const sodium = loadSodium() ?? this.skip();
    const datagram = sealed('routeDirectionAck');
    const plain = Buffer.alloc(datagram.length - 44 - 16);
    const [nonce, box] = [Buffer.from(datagram.subarray(20, 44)), Buffer.from(datagram.subarray(44))];
    assert(sodium.crypto_secretbox_open_easy(plain, box, nonce, Buffer.from(key)));
    assert.deepEqual([...plain.subarray(0, 20)], [...datagram.subarray(0, 20)]);
    assert.equal(
      plain.subarray(20).toString('hex'),
      [
        'a2', // CBOR: a map of two
        '6b646972656374696f6e4964' + '480505050505050505', // text(11) "directionId", bytes(8)
        '686f62736572766564' + 'a2', // text(8) "observed", a map of two
        '6761646472657373' + '693139322e302e322e31', // text(7) "address", text(9) "192.0.2.1"
        '64706f7274' + '190fa0', // text(4) "port", 4000
      ].join(''),
    );
  });

  for (const name of names) {
    it(`${messages[name].title}: sealed and opened -> the same, within ${DATAGRAM_LIMIT} bytes`, () => {
      const datagram = sealed(name);
      assert(datagram.length <= DATAGRAM_LIMIT, String(datagram.length));
      assert.deepEqual(open(datagram, name), { name, body: sampleBodies[name] });
    });

    it(`${messages[name].title}: every prefix and every flipped bit -> not opened`, () => {
      const datagram = sealed(name);
      const step = Math.max(1, Math.floor(datagram.length / 150));
      for (let length = 0; length < datagram.length; length += step) {
        assert.equal(open(datagram.subarray(0, length), name), undefined);
      }
      for (let bit = 0; bit < datagram.length * 8; bit += step) {
        const flipped = datagram.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        assert.equal(open(flipped, name), undefined, `bit ${bit}`);
      }
    });

    it(`${messages[name].title}: body cut or with a field missing -> undefined`, () => {
      const body = encodeBody(sampleBodies[name]);
      for (let length = 0; length < body.length; length++) {
        assert.doesNotThrow(() => decodeBody(name, body.subarray(0, length)));
      }
      for (const field of Object.keys(sampleBodies[name])) {
        if (optional.includes(`${name} ${field}`)) continue;
        const { [field]: _, ...rest } = sampleBodies[name] as Record<string, unknown>;
        assert.equal(decodeBody(name, encodeBody(rest as never)), undefined, `without ${field}`);
      }
    });
  }

  it('sealed by role 0: opened by role 0 -> a reflection, not opened', () => {
    assert.equal(open(sealed('keepAlive'), 'keepAlive', role0), undefined);
  });

  it('random bodies: decoded as every message -> never thrown', () => {
    const random = new SeededRandom(4);
    for (let i = 0; i < 3000; i++) {
      const body = random.bytes(random.below(40));
      for (const name of [names[i % names.length]!]) assert.doesNotThrow(() => decodeBody(name, body));
    }
  });
});

describe('first contact', () => {
  const random = new SeededRandom(2);
  const [sender, receiver, other] = [generateKeyPair(random), generateKeyPair(random), generateKeyPair(random)];
  const meaning = { version: 1, response: false, type: 1, transaction: 1n };
  const body = encodeBody(sampleBodies.configurationRequest);
  const datagram = sealBox(meaning, body, sender, receiver.publicKey, random);

  it('boxed: opened by the receiver -> the body and the agreed key; padded to the limit', () => {
    const opened = openBox(datagram, readHeader(datagram)!, receiver);
    assert.deepEqual(opened?.key, agreedKey(receiver, sender.publicKey));
    assert.deepEqual(decodeBody('configurationRequest', opened.body)?.body, sampleBodies.configurationRequest);
    assert.equal(datagram.length, DATAGRAM_LIMIT);
  });

  it('boxed: opened by another, shortened, or with a flipped bit -> undefined', () => {
    assert.equal(openBox(datagram, readHeader(datagram)!, other), undefined);
    assert.equal(openBox(datagram.subarray(0, 1199), readHeader(datagram)!, receiver), undefined);
    for (let at = 0; at < datagram.length; at += 37) {
      const flipped = datagram.slice();
      flipped[at]! ^= 0x10;
      const header = readHeader(flipped);
      assert.equal(header && openBox(flipped, header, receiver), undefined, `byte ${at}`);
    }
  });
});
