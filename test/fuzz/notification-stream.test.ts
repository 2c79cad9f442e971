/** Whatever is sent over TCP to the NS: every frame is counted or taken, what breaks the framing ends, others go on. */
import assert from 'node:assert/strict';
import { encodeBody } from '../../core/wire/codec';
import { frame } from '../../core/wire/frames';
import { DATAGRAM_LIMIT } from '../../core/wire/header';
import { messages } from '../../core/wire/messages';
import { sealSecret } from '../../core/wire/seal';
import { pass } from '../support/memory-datagrams';
import { SeededRandom } from '../support/virtual-time';
import { fuzz, seed } from './engine';
import { dropsOf } from './server-state';
import { ServerStorm } from './server-storm';
import { framesIn, leastNoticed, StreamConnection } from './stream-connection';

describe(`fuzz: stream to the NS (NTMOBILE_FUZZ_SEED=${seed})`, function () {
  this.timeout(600_000);

  it('connections: any bytes, in any pieces -> counted or taken, closed when due, and others are notified', () =>
    fuzz({ ...{ name: 'ns-stream', runs: 600, batch: 150, longest: 2_600, live }, attempt: connections }));
});

/** An input is how long the pieces are, and what is sent. Here: registrations and keep alives with a true key. */
async function live(): Promise<Uint8Array[]> {
  const { insider } = await ServerStorm.start();
  const random = new SeededRandom(5);
  const sealed = (name: 'notificationRegistration' | 'keepAlive', transaction: bigint) => {
    const meaning = { version: 1, response: false, type: messages[name].type, transaction };
    return frame(sealSecret(meaning, encodeBody({}), insider.node.ns!.key, random));
  };
  const [registration, keepAlive] = [
    sealed('notificationRegistration', 1n << 62n),
    sealed('keepAlive', (1n << 62n) + 1n),
  ];
  return [[registration], [registration, keepAlive], [keepAlive, registration, keepAlive]].map((frames, i) =>
    Buffer.concat([Uint8Array.of(90 * i), ...frames]),
  );
}

async function connections(inputs: readonly Uint8Array[]): Promise<void> {
  const storm = await ServerStorm.start();
  const { world } = storm;
  const all: StreamConnection[] = [];
  for (const [cut = 0, ...bytes] of inputs) {
    const connection = new StreamConnection(world.time, (stream) => world.ns.accept(stream));
    all.push(connection);
    const dropped = dropsOf(world);
    world.trace.length = 0;
    connection.send(Uint8Array.from(bytes), 1 + cut);
    const noticed = dropsOf(world) - dropped + world.trace.filter(({ event }) => event === 'receive').length;
    const framing = framesIn(Uint8Array.from(bytes), DATAGRAM_LIMIT);
    if (framing.broken) assert.equal(connection.open, false, 'the framing is broken, and it is open');
    assert(noticed >= leastNoticed(framing), `${noticed} of ${framing.frames} frames are counted or taken`);
    await pass(world.time, 5);
  }
  await storm.friendsGoOn();
  // A node has to register within five seconds, and the insider has one connection at most.
  assert(all.filter(({ open }) => open).length <= 1, "connections that are nobody's stay open");
  await storm.nothingIsLeft();
  await storm.newcomersAreServed();
  await storm.end();
}
