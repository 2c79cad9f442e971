/**
 * The handshake with fixed keys, pinned. These bytes were pinned when wireguard-go had accepted such messages in both
 * roles (test/lab/wireguard-go.test.ts), so they are the protocol's and not just ours.
 */
import assert from 'node:assert/strict';
import { keyPair } from '../../../../core/wire/x25519';
import { Initiation, Response } from '../../../../core/packet/wireguard/messages';
import {
  createInitiation,
  createResponse,
  openInitiation,
  openResponse,
} from '../../../../core/packet/wireguard/noise';

const hex = (value: Uint8Array): string => Buffer.from(value).toString('hex');
const pair = (fill: number): ReturnType<typeof keyPair> => keyPair(new Uint8Array(32).fill(fill));
const [initiator, responder, ephemeral1, ephemeral2] = [pair(1), pair(2), pair(3), pair(4)];
const presharedKey = new Uint8Array(32).fill(5);
const timestamp = new Uint8Array(Buffer.from('400000006553f10a3b000000', 'hex'));

const initiated = () => createInitiation(initiator, responder.publicKey, ephemeral1, timestamp, 0x04030201)!;
const answered = () => {
  const opened = openInitiation(responder, initiated().message)!;
  return createResponse(opened, presharedKey, ephemeral2, 0x14131211, 0x04030201)!;
};

describe('noise', () => {
  it('fixed keys: both messages -> the pinned bytes', () => {
    assert.equal(
      hex(initiated().message),
      '01000000010203045dfedd3b6bd47f6fa28ee15d969d5bb0ea53774d488bdaf9df1c6e0124b3ef220a26599fb2188bb7' +
        '23276fc173af67616c817fc32fd04d686d87ec152fac10eed2bda3bb3b6f1eded6977684082284d817fb46b3a99b6be3' +
        '86273ed620b6db16a07381ee074a7da2111ef36700000000000000000000000000000000000000000000000000000000' +
        '00000000',
    );
    assert.equal(
      hex(answered().message),
      '020000001112131401020304ac01b2209e86354fb853237b5de0f4fab13c7fcbf433a61c019369617fecf10b7d7b1b3d' +
        'd1f0cf73cb2d2d13fb2f0fda0000000000000000000000000000000000000000000000000000000000000000',
    );
    assert.equal(
      hex(answered().keys.initiatorToResponder),
      'a18cc809fd05b6b5f99644cf506f89dce368c2f54a9dbeb9a384f36c274317ef',
    );
    assert.equal(
      hex(answered().keys.responderToInitiator),
      'b1aa1b797d3a45da97552b8084ade493aa767f15af95854bc86557f6dacd851d',
    );
  });

  it('fixed keys: opened -> who, when, and the same session keys on both sides', () => {
    const opened = openInitiation(responder, initiated().message)!;
    assert.deepEqual(opened.peerStatic, initiator.publicKey);
    assert.deepEqual(opened.timestamp, timestamp);
    const { message, keys } = answered();
    assert.deepEqual(openResponse(initiator, initiated().state, presharedKey, message), keys);
  });

  it('any authenticated bit of the initiation flipped -> not opened', () => {
    for (let bit = Initiation.ephemeral * 8; bit < Initiation.mac1 * 8; bit += 3) {
      const { message } = initiated();
      message[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(openInitiation(responder, message), undefined, `bit ${bit}`);
    }
  });

  it('any authenticated bit of the response flipped, another pre-shared key -> not opened', () => {
    const { message } = answered();
    for (let bit = Response.ephemeral * 8; bit < Response.mac1 * 8; bit += 3) {
      const changed = message.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(openResponse(initiator, initiated().state, presharedKey, changed), undefined, `bit ${bit}`);
    }
    assert.equal(openResponse(initiator, initiated().state, new Uint8Array(32), message), undefined);
    assert.ok(openResponse(initiator, initiated().state, presharedKey, message));
  });

  it('keys of low order -> no message, nothing opened', () => {
    const low = new Uint8Array(32);
    assert.equal(createInitiation(initiator, low, ephemeral1, timestamp, 1), undefined);
    const { message } = initiated();
    message.fill(0, Initiation.ephemeral, Initiation.static);
    assert.equal(openInitiation(responder, message), undefined);
  });
});
