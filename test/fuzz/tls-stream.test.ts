/** Whatever is sent over TLS to AS, DC and RS: every frame is counted or taken, what breaks the framing ends, others go on. */
import assert from 'node:assert/strict';
import { encodeBody } from '../../core/wire/codec';
import { frame, STREAM_DATAGRAM_LIMIT } from '../../core/wire/frames';
import { SIGNALLING_MAGIC } from '../../core/wire/header';
import { messages } from '../../core/wire/messages';
import { RELAY_MAGIC, writeRelayHeader } from '../../core/wire/relay-frame';
import { sealSecret } from '../../core/wire/seal';
import { pass } from '../support/memory-datagrams';
import { ports, type ServerWorld } from '../support/server-world';
import { SeededRandom } from '../support/virtual-time';
import { fuzz, seed } from './engine';
import { dropsOf } from './server-state';
import { ServerStorm } from './server-storm';
import { framesIn, leastNoticed, StreamConnection } from './stream-connection';

const SERVERS = [ports.as, ports.dc, ports.rs];

describe(`fuzz: TLS to servers (NTMOBILE_FUZZ_SEED=${seed})`, function () {
  this.timeout(600_000);

  it('connections: any bytes, in any pieces -> counted or taken, closed when due, and others go on', () =>
    fuzz({ ...{ name: 'tls-stream', runs: 600, batch: 150, longest: 2_600, live }, attempt: connections }));
});

const begin = (): Promise<ServerStorm> => ServerStorm.start(undefined, { withTls: true });

/** An input is which server, how long the pieces are, and what is sent. Here: keep alives with a true key, and frames. */
async function live(): Promise<Uint8Array[]> {
  const { insider } = await begin();
  const random = new SeededRandom(5);
  const meaning = { version: 1, response: false, type: messages.keepAlive.type, transaction: 1n << 62n };
  const keepAlive = frame(sealSecret(meaning, encodeBody({}), insider.node.dc!.key, random));
  const relayed = new Uint8Array(80).fill(4);
  writeRelayHeader(relayed, random.bytes(8));
  return [[keepAlive], [keepAlive, frame(relayed)], [frame(relayed), keepAlive, frame(relayed)]].flatMap((frames, i) =>
    SERVERS.map((_, server) => Buffer.concat([Uint8Array.of(server, 90 * i), ...frames])),
  );
}

async function connections(inputs: readonly Uint8Array[]): Promise<void> {
  const storm = await begin();
  const { world } = storm;
  const all: StreamConnection[] = [];
  for (const [server = 0, cut = 0, ...bytes] of inputs) {
    const at = SERVERS[server % SERVERS.length]!;
    const connection = new StreamConnection(world.time, (stream) => world.tls.at(at)!.accept(stream));
    all.push(connection);
    const counted = countsOf(world);
    world.trace.length = 0;
    connection.send(Uint8Array.from(bytes), 1 + cut);
    const noticed = countsOf(world) - counted + world.trace.filter(({ event }) => event === 'receive').length;
    const framing = framesIn(Uint8Array.from(bytes), STREAM_DATAGRAM_LIMIT, [SIGNALLING_MAGIC, RELAY_MAGIC]);
    assert.equal(
      connection.open,
      !framing.broken,
      framing.broken ? 'the framing is broken, and it is open' : 'closed without a reason',
    );
    assert(noticed >= leastNoticed(framing), `${noticed} of ${framing.frames} frames are counted or taken`);
    await pass(world.time, 5);
  }
  await storm.friendsGoOn();
  await storm.nothingIsLeft();
  // Who was answered may stay for a quarter of an hour: those with a true key, and those whose key is unknown.
  assert(
    all.every(({ open, answers }) => !open || answers > 0),
    "connections that are nobody's stay open",
  );
  await pass(world.time, 901_000);
  assert(
    all.every(({ open }) => !open),
    'silent connections stay open',
  );
  await storm.newcomersAreServed();
  await storm.end();
}

function countsOf(world: ServerWorld): number {
  return dropsOf(world) + world.tls.drops().reduce((sum, [, count]) => sum + count, 0);
}
