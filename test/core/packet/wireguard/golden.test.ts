/**
 * Every message from fixed keys, byte for byte. The bytes are a second implementation's: test/vectors/wireguard.py.
 * Keys and nonces are runs of bytes from their first, as there.
 */
import assert from 'node:assert/strict';
import type { Path } from '../../../../core/packet/path';
import { nodeCipher } from '../../../../core/packet/wireguard/cipher';
import { CookieChecker, CookieKeeper } from '../../../../core/packet/wireguard/cookie';
import { keyPair } from '../../../../core/wire/x25519';
import {
  Initiation,
  messageType,
  Response,
  writeCounter,
  writeIndex,
} from '../../../../core/packet/wireguard/messages';
import * as noise from '../../../../core/packet/wireguard/noise';
import { VirtualTime } from '../../../support/virtual-time';

const golden = {
  initiation:
    '010000000403020123b7bb8c91ae008711fb12846780bcdf1e065f821bdfec49f57e7c7dcd4c48237c9f087a47c77765' +
    '66936c12f69cdefeb0172eed5225b21ffd5b64d7cbdcc06f5db9067ffb754a97052851ac628edb82dd2c601dbe0a8dbc' +
    '6a28bd96719694b312878a7b5500a8305561bdcfce9704c8b5d4762e042676928b0fd5f1000000000000000000000000' +
    '00000000',
  cookieReply:
    '03000000040302015152535455565758595a5b5c5d5e5f6061626364656667682f7745157498bccb7c0d3372227f88ad' +
    '49c77c5e49bf206c1f4ab90308c04d39',
  mac2: 'a21003cd6530f83dba45d605a95ee4a8',
  response:
    '020000000807060504030201605a725d2a4adfeeb1a29e17edd621c1b7593ee8cdbc44ac6c4ab6e2f805d23ca98f3f14' +
    '6a6acf89bb8e705a0d1090c835ceefaaea12d944e4487f7f3959fd0200000000000000000000000000000000',
  toResponder: '24538fbb2f7b0840790ff8bf90b1ba327f60abf80e70035d8814528477206e03',
  toInitiator: '5d2d3fc0fc221c39f0fa4884d050609578db6fd101c6eaf565603d96f46ac756',
  keepAlive: '04000000080706050000000000000000e12dfd827c73f9b323a5832e20176932',
  transport:
    '04000000080706050100000000010000be71bc6cb981431af46c99e0e9692167632473a89620ac2e543b69d9d0088bfd' +
    '8e8da68c789c9fe77076d41a3945d8ac',
};

const run = (first: number, length = 32): Uint8Array => Uint8Array.from({ length }, (_, i) => first + i);
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

const initiator = keyPair(run(0x10));
const responder = keyPair(run(0x40));
const presharedKey = run(0xd0);
const timestamp = bytes('400000006774858a0f000000');
const SENDER = 0x01020304;
const ANSWERER = 0x05060708;
const path = (port: number): Path => ({ kind: 'direct', endpoint: { address: '192.0.2.1', port } });
const from = path(1001);

describe('golden bytes', () => {
  const time = new VirtualTime();
  const created = noise.createInitiation(initiator, responder.publicKey, keyPair(run(0x70)), timestamp, SENDER)!;
  const keeper = new CookieKeeper(responder.publicKey, time);
  const checker = new CookieChecker(responder.publicKey, time, {
    bytes: (length) => run(length === 24 ? 0x51 : 0x21, length),
  });
  const opened = (): noise.OpenedInitiation => noise.openInitiation(responder, bytes(golden.initiation))!;
  const answered = (): NonNullable<ReturnType<typeof noise.createResponse>> =>
    noise.createResponse(opened(), presharedKey, keyPair(run(0xa0)), ANSWERER, SENDER)!;

  it('initiation', () => {
    keeper.addMacs(created.message, Initiation);
    assert.equal(hex(created.message), golden.initiation);
    assert.equal(checker.mac1Is(created.message, Initiation), true);
  });

  it('cookie reply to the initiation, and its mac2 from then on', () => {
    const reply = checker.reply(bytes(golden.initiation), Initiation, from);
    assert.equal(hex(reply), golden.cookieReply);
    assert.equal(keeper.accept(reply), true);
    const again = bytes(golden.initiation);
    keeper.addMacs(again, Initiation);
    assert.equal(hex(again.subarray(Initiation.mac2)), golden.mac2);
    assert.equal(checker.mac2Is(again, Initiation, from), true);
    assert.equal(checker.mac2Is(again, Initiation, path(1002)), false);
  });

  it('initiation opened: who, and when', () => {
    assert.equal(hex(opened().peerStatic), hex(initiator.publicKey));
    assert.equal(hex(opened().timestamp), hex(timestamp));
  });

  it('response', () => {
    const { message, keys } = answered();
    new CookieKeeper(initiator.publicKey, time).addMacs(message, Response);
    assert.equal(hex(message), golden.response);
    assert.equal(hex(keys.initiatorToResponder), golden.toResponder);
    assert.equal(hex(keys.responderToInitiator), golden.toInitiator);
  });

  it('response opened: the same keys', () => {
    const keys = noise.openResponse(initiator, created.state, presharedKey, bytes(golden.response))!;
    assert.equal(hex(keys.initiatorToResponder), golden.toResponder);
    assert.equal(hex(keys.responderToInitiator), golden.toInitiator);
    assert.equal(noise.openResponse(initiator, created.state, run(0xd1), bytes(golden.response)), undefined);
  });

  it('keep alive and transport', () => {
    const packet = new Uint8Array(32);
    packet.set(run(0x45, 21));
    assert.equal(hex(sealed(0, new Uint8Array(0))), golden.keepAlive);
    assert.equal(hex(sealed(2 ** 40 + 1, packet)), golden.transport);
  });

  for (const name of ['initiation', 'response', 'cookieReply', 'keepAlive'] as const) {
    it(`${name}: every prefix, one byte more, a reserved byte set -> of no type, but for longer transport`, () => {
      const whole = bytes(golden[name]);
      const type = messageType(whole);
      assert.ok(type);
      for (let length = 0; length < whole.length; length++) {
        assert.equal(messageType(whole.subarray(0, length)), undefined, `${length} bytes`);
      }
      assert.equal(messageType(Uint8Array.of(...whole, 0)), name === 'keepAlive' ? type : undefined);
      for (const reserved of [1, 2, 3]) {
        const changed = whole.slice();
        changed[reserved] = 1;
        assert.equal(messageType(changed), undefined);
      }
    });
  }

  it('initiation and response: any bit behind the header flipped -> not opened', () => {
    for (let i = Initiation.ephemeral; i < Initiation.mac1; i++) {
      const flipped = bytes(golden.initiation);
      flipped[i]! ^= 1 << (i % 7);
      assert.equal(noise.openInitiation(responder, flipped), undefined, `initiation byte ${i}`);
    }
    for (let i = Response.ephemeral; i < Response.mac1; i++) {
      const flipped = bytes(golden.response);
      flipped[i]! ^= 1 << (i % 7);
      assert.equal(
        noise.openResponse(initiator, created.state, presharedKey, flipped),
        undefined,
        `response byte ${i}`,
      );
    }
  });

  it('a key of low order -> refused', () => {
    const zero = new Uint8Array(32);
    assert.equal(noise.createInitiation(initiator, zero, keyPair(run(0x70)), timestamp, SENDER), undefined);
    const lowOrder = bytes(golden.initiation);
    lowOrder.set(zero, Initiation.ephemeral);
    assert.equal(noise.openInitiation(responder, lowOrder), undefined);
  });

  function sealed(counter: number, packet: Uint8Array): Uint8Array {
    const datagram = new Uint8Array(16 + packet.length + 16);
    writeIndex(datagram, 0, 4);
    writeIndex(datagram, 4, ANSWERER);
    writeCounter(datagram, 8, counter);
    nodeCipher(bytes(golden.toResponder)).seal(counter, packet, datagram.subarray(16));
    return datagram;
  }
});
