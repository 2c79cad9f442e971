/** The ways to one server, on virtual time. */
import assert from 'node:assert/strict';
import { Detour, type Way } from '../../../core/reach/detour';
import type { StreamPortOptions } from '../../../core/runtime';
import type { Endpoint } from '../../../core/wire/addresses';
import { frame } from '../../../core/wire/frames';
import { Seal, SIGNALLING_VERSION, writeHeader } from '../../../core/wire/header';
import { messages } from '../../../core/wire/messages';
import { SeededRandom, VirtualTime } from '../../support/virtual-time';

const SERVER: Endpoint = { address: '192.0.2.1', port: 1 };
const STREAMS: Endpoint[] = [
  { address: '192.0.2.1', port: 443 },
  { address: '2001:db8::1', port: 443 },
];
const signalling = (response: boolean): Uint8Array =>
  writeHeader({
    ...{ version: SIGNALLING_VERSION, seal: Seal.secret, role: 0, response, handover: false },
    ...{ keyId: new Uint8Array(8), type: messages.keepAlive.type, transaction: 1n },
  });

describe('ways to a server', () => {
  let time: VirtualTime;
  let detour: Detour;
  let ways: Way[];
  /** When something was sent by UDP. */
  let sentMs: number[];
  let streams: Map<string, StreamPortOptions & { closed: boolean }>;

  beforeEach(() => {
    time = new VirtualTime();
    [ways, sentMs, streams] = [[], [], new Map()];
    detour = new Detour({
      ...{ clock: time, timers: time, random: new SeededRandom(1), tlsOnly: false },
      openStreamPort: (to, options) => {
        const stream = { ...options, closed: false };
        streams.set(to.address, stream);
        return { queuedBytes: 0, write() {}, close: () => void (stream.closed = true) };
      },
      sendByUdp: () => void sentMs.push(time.now()),
      others: () => [],
      onDatagram() {},
      onChange: (way) => void ways.push(way),
      onLost() {},
    });
    detour.add(SERVER, STREAMS);
  });
  afterEach(() => {
    detour.close();
    assert.equal(time.pendingCount, 0, 'no timer is left');
  });

  /** A request, and its repetition once it was unanswered for too long. */
  const ask = (): void => {
    detour.send(signalling(false), SERVER);
    time.advance(750);
    detour.send(signalling(false), SERVER);
  };
  const streamTo = (to: Endpoint) => streams.get(to.address)!;
  const answerBy = (to: Endpoint): void => streamTo(to).onBytes(frame(signalling(true)));

  it('asked over TLS at two places, named once more before one answers -> that one is used, the other ended', () => {
    ask();
    detour.add(SERVER, STREAMS);
    answerBy(STREAMS[0]!);
    assert.deepEqual(ways, ['tls']);
    assert.deepEqual([streamTo(STREAMS[0]!).closed, streamTo(STREAMS[1]!).closed], [false, true]);
  });

  it('TLS: a server answers late, first by another interface, then so -> the way stays', () => {
    ask();
    answerBy(STREAMS[0]!);
    ask();
    detour.receivedByOther(SERVER, { send() {} });
    time.advance(500);
    answerBy(STREAMS[0]!);
    time.advance(5_000);
    assert.deepEqual(ways, ['tls']);
  });

  it('TLS: UDP is tried after a minute, later where it did not last, and after a minute again where it did', () => {
    const trialAfterMs = (): number => {
      ask();
      answerBy(STREAMS[0]!);
      const atMs = time.now();
      sentMs = [];
      time.runUntil(() => sentMs.length > 0);
      time.advance(1_000);
      ask(); // is silent by UDP, and answered so: as UDP passes again
      detour.receivedByUdp(signalling(true), SERVER);
      return sentMs[0]! - atMs;
    };
    assert.deepEqual([trialAfterMs(), trialAfterMs(), trialAfterMs()], [60_000, 120_000, 240_000]);
    time.advance(2_000_000);
    assert.deepEqual([trialAfterMs(), trialAfterMs()], [60_000, 120_000]);
    assert.deepEqual(ways.length, 10);
  });
});
