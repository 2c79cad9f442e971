import assert from 'node:assert/strict';
import { nodeCipher } from '../../../../core/packet/wireguard/cipher';
import { Session } from '../../../../core/packet/wireguard/session';
import { SessionRing } from '../../../../core/packet/wireguard/session-ring';

describe('session ring', () => {
  let released: number[];
  let ring: SessionRing;
  beforeEach(() => {
    released = [];
    ring = new SessionRing((session) => released.push(session.localIndex));
  });

  function session(localIndex: number, isInitiator: boolean): Session {
    const keys = { initiatorToResponder: new Uint8Array(32), responderToInitiator: new Uint8Array(32) };
    return new Session(keys, isInitiator, localIndex, 0, 0, nodeCipher);
  }

  it('as responder: answers again and again, never confirmed -> one unconfirmed session, the others are released', () => {
    for (let i = 1; i <= 5; i++) ring.install(session(i, false));
    assert.deepEqual(released, [1, 2, 3, 4]);
    assert.equal(ring.current, undefined);
    ring.clear();
    assert.deepEqual(released, [1, 2, 3, 4, 5]);
  });

  it('as responder: the new session is used -> current; the one before stays for late packets, the one before goes', () => {
    const sessions = [1, 2, 3].map((i) => session(i, false));
    for (const each of sessions) {
      ring.install(each);
      assert.equal(ring.confirm(each), true);
      assert.equal(ring.confirm(each), false, 'only once');
    }
    assert.equal(ring.current, sessions[2]);
    assert.deepEqual(released, [1]);
  });

  it('as initiator: renewals -> at once current, two are kept', () => {
    for (let i = 1; i <= 4; i++) ring.install(session(i, true));
    assert.equal(ring.current?.localIndex, 4);
    assert.deepEqual(released, [1, 2]);
  });

  it('both at once: own session completes while one is unconfirmed -> the unconfirmed stays for the peer to use', () => {
    ring.install(session(1, true));
    ring.install(session(2, false));
    ring.install(session(3, true));
    assert.equal(ring.current?.localIndex, 3);
    assert.deepEqual(released, [1]);
    ring.clear();
    assert.deepEqual(released, [1, 3, 2]);
  });
});
