/** Every message of the table, by its sample body alone: golden bytes, and agreement with a second reader. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeBody, encodeBody } from '../../../core/wire/codec';
import { fixed, goldenFile, goldenMessages } from '../../../core/wire/golden';
import { DATAGRAM_LIMIT, readHeader } from '../../../core/wire/header';
import { hex, sharedKey } from '../../../core/wire/keys';
import { kindOf, messages, type MessageName } from '../../../core/wire/messages';
import { openBox, openSecret } from '../../../core/wire/seal';
import { naiveCbor, naiveOpen } from '../../support/naive-codec';
import { projectRoot } from '../../support/paths';
import { sampleBodies } from '../../support/sample-messages';

const golden = goldenMessages(sampleBodies);
const keys = { sharedKey: fixed.sharedKey, receiverSecretKey: fixed.receiver.secretKey };

/** As the receiver does. */
function opened(datagram: Uint8Array, name: MessageName, senderRole: 0 | 1): unknown {
  const header = readHeader(datagram);
  if (!header) return undefined;
  const body =
    openBox(datagram, header, fixed.receiver)?.body ??
    openSecret(datagram, header, sharedKey(fixed.sharedKey, senderRole === 0 ? 1 : 0));
  return body && decodeBody(name, body)?.body;
}

describe('golden datagrams', () => {
  it('test/vectors/messages.json: compared with the tables -> the same; else run `npm run protocol`', () => {
    const kept = readFileSync(join(projectRoot, 'test/vectors/messages.json'), 'utf8');
    assert.equal(kept, goldenFile(sampleBodies));
  });

  it('the table: its messages -> each has a golden datagram and is of a kind', () => {
    assert.deepEqual([...new Set(golden.map(({ name }) => name))], Object.keys(messages));
    assert.deepEqual(
      [kindOf('routeDirection'), kindOf('loginResponse'), kindOf('loginRequest')],
      ['both', 'response', 'request'],
    );
  });

  for (const { name, seal, role, response, body, datagram } of golden) {
    const { title, type } = messages[name];

    it(`${title} in ${seal}: read by the second reader -> the same fields and body`, () => {
      const naive = naiveOpen(datagram, keys);
      assert.deepEqual(naive.body, sampleBodies[name]);
      const { version, transaction } = naive;
      assert.deepEqual(
        { ...naive, body: 0, padding: 0 },
        {
          ...{ version, seal, role, response, type, transaction, keyId: hex(readHeader(datagram)!.keyId) },
          ...{ body: 0, padding: 0 },
        },
      );
      assert.deepEqual([version, transaction], [1, Number(fixed.transaction)]);
      assert.equal(
        naive.padding.some((byte) => byte !== 0),
        false,
      );
      assert.equal(datagram.length === DATAGRAM_LIMIT, seal === 'box');
    });

    if (seal === 'none') continue;

    it(`${title} in ${seal}: opened -> its sample body; a prefix, a flipped bit -> not opened`, () => {
      assert.deepEqual(opened(datagram, name, role), sampleBodies[name]);
      // Past the header, prefixes and bits are all alike to the authenticator: in a padded box, some of them.
      const stride = seal === 'box' ? 7 : 1;
      for (let length = 0; length < datagram.length; length += stride) {
        assert.equal(opened(datagram.subarray(0, length), name, role), undefined, `${length} bytes`);
      }
      for (let bit = 0; bit < datagram.length * 8; bit += bit < 160 ? 1 : 5 * stride) {
        const flipped = datagram.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        assert.equal(opened(flipped, name, role), undefined, `bit ${bit}`);
      }
    });

    it(`${title}: body with every bit flipped, in every prefix -> both readers see the same, or one sees nothing`, () => {
      for (let bit = 0; bit < body.length * 8; bit++) {
        const flipped = body.slice();
        flipped[bit >> 3]! ^= 1 << (bit & 7);
        agree(name, flipped);
      }
      for (let length = 0; length < body.length; length++) {
        assert.equal(decodeBody(name, body.subarray(0, length)), undefined, `${length} bytes`);
      }
    });
  }
});

/** What the codec takes, the second reader takes: with the same value, but for what the schema leaves out. */
function agree(name: MessageName, body: Uint8Array): void {
  const taken = decodeBody(name, body);
  if (!taken) return;
  let naive: unknown;
  try {
    naive = naiveCbor(Buffer.from(body)).value;
  } catch {
    return; // tags and endless lengths, which the second reader does not know
  }
  const written = encodeBody(taken.body);
  const again = decodeBody(name, encodeBody(naive as never));
  assert.ok(again, `${name}: ${hex(body)}`);
  assert.deepEqual(encodeBody(again.body), written);
}
