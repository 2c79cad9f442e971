/** The peer's packets come by another path than the one in use: has it chosen that, or is the one in use dead? */
import assert from 'node:assert/strict';
import type { Path } from '../../../../core/packet/path';
import { PathRecord } from '../../../../core/packet/paths/path-record';
import type { PathRecords } from '../../../../core/packet/paths/path-records';
import { Patience } from '../../../../core/packet/paths/patience';
import { Silence } from '../../../../core/packet/paths/silence';
import type { Standby } from '../../../../core/packet/paths/standby';
import type { Tunnel } from '../../../../core/packet/wireguard/tunnel';
import { VirtualTime } from '../../../support/virtual-time';

const direct = (address: string): Path => ({ kind: 'direct', endpoint: { address, port: 4_000 } });
const RTT_MS = 10;

describe('the peer sends by another path', () => {
  const [inUse, other] = [direct('203.0.113.1'), direct('203.0.113.2')];
  let time: VirtualTime;
  let silence: Silence;
  let heardMs: number;
  let answers: boolean;
  let probes: number;
  let told: string[];
  let looksLater: number;

  beforeEach(() => {
    time = new VirtualTime();
    [heardMs, answers, probes, told, looksLater] = [0, true, 0, [], 0];
    const current = new PathRecord(inUse);
    current.answered(RTT_MS, 0);
    const tunnel = { path: inUse, state: 'established', pathCounters: { lastReceivedMs: () => heardMs } };
    const probe = (): void => {
      probes += 1;
      if (answers) time.schedule(RTT_MS, () => (heardMs = time.now()));
    };
    silence = new Silence(
      tunnel as unknown as Tunnel,
      { current, askable: [] } as unknown as PathRecords,
      { patience: new Patience(), standby: { isReady: false } as Standby },
      { clock: time, timers: time, onDoubt: (_, is) => void told.push(is) },
      { probe, leave() {}, leaveInterface() {}, lookLater: () => void looksLater++ },
    );
  });

  /** A packet by the other path every 10 ms. Returns after how long the peer is taken to have left the one in use. */
  function packets(forMs: number): number | undefined {
    const beganMs = time.now();
    let leftMs: number | undefined;
    for (; time.now() < beganMs + forMs; time.advance(10)) {
      if (silence.overtaken(other)) leftMs ??= time.now() - beganMs;
      if (time.now() % 100 === 0) silence.look();
    }
    return leftMs;
  }

  it('the one in use is there when it is asked -> it is not doubted, is asked once, and the peer has left it', () => {
    const leftMs = packets(1_000);
    assert.ok(leftMs! > 250 && leftMs! < 400, `${leftMs} ms`);
    assert.deepEqual([told, probes], [[], 1]);
  });

  it('it is not -> doubted; it works again -> believed, and the peer has not left it', () => {
    answers = false;
    assert.equal(packets(400), undefined);
    assert.deepEqual(told, ['begun']);
    heardMs = time.now();
    time.advance(10);
    silence.look();
    assert.deepEqual(told, ['begun', 'over']);
  });

  it('it is not, for long -> the peer has left it', () => {
    answers = false;
    const leftMs = packets(1_000);
    assert.ok(leftMs! > 500 && leftMs! < 700, `${leftMs} ms`);
  });

  it('it is not, and no packet comes or goes from then on -> doubted, and looked at all the same', () => {
    answers = false;
    packets(80); // asked after 60
    assert.deepEqual([told, looksLater], [[], 0]);
    time.advance(1_000);
    assert.deepEqual([told, looksLater], [['begun'], 1]);
  });

  it('another path is in use -> it is asked anew', () => {
    packets(100);
    assert.equal(probes, 1);
    silence.reset();
    packets(100);
    assert.equal(probes, 2);
  });

  it('closed meanwhile -> nothing is told', () => {
    answers = false;
    packets(70);
    assert.equal(probes, 1);
    silence.close();
    time.advance(1_000);
    assert.deepEqual(told, []);
  });
});
