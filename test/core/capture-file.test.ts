import assert from 'node:assert/strict';
import { readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CaptureFile } from '../../core/capture-file';
import { packetLength, writePacket } from '../../core/pcapng';
import { temporaryDirectory } from '../support/paths';
import { VirtualTime } from '../support/virtual-time';
import { ipv4Packet } from '../support/tunnel-pair';

const alice = { ipv4: '198.18.0.1', ipv6: 'fd00::1' };

describe('capture file', () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'inner.pcapng');
  after(() => rmSync(directory, { recursive: true }));

  function open(file: string, failures: Error[] = []): { time: VirtualTime; capture: CaptureFile } {
    const time = new VirtualTime();
    const onFailure = (error: Error): void => void failures.push(error);
    const capture = new CaptureFile({ path: file, clock: time, timers: time, interfaceName: 'alice', onFailure });
    return { time, capture };
  }

  it('a packet of 21 bytes -> the block that the format asks for', () => {
    const packet = Uint8Array.from({ length: 21 }, (_, i) => i + 1);
    const block = Buffer.alloc(packetLength(packet) + 8, 0xff);
    writePacket(block, 4, packet, 'out', 1_700_000_000_000.5);
    assert.equal(
      block.toString('hex'),
      'ffffffff' + // around it
        '06000000' + // enhanced packet
        '44000000' + // 68 bytes
        '00000000' + // interface 0
        '240a0600' + // microseconds since 1970: 1700000000000500 = 0x60a24_181e41f4
        'f4411e18' +
        '15000000' + // 21 bytes captured
        '15000000' + // of 21
        '0102030405060708090a0b0c0d0e0f101112131415000000' +
        '0200040002000000' + // flags: outbound
        '00000000' + // end of options
        '44000000' +
        'ffffffff',
    );
  });

  it("opened twice, one behind the other -> two sections in a file that is the owner's alone", () => {
    for (const text of ['first', 'second']) {
      const { time, capture } = open(path);
      capture.packet(ipv4Packet(alice.ipv4, '198.18.0.2', text), 'out');
      capture.name('alice.ntm.internal', alice);
      capture.name('alice.ntm.internal', alice);
      time.advance(1);
      capture.packet(ipv4Packet('198.18.0.2', alice.ipv4, text), 'in');
      capture.close();
      capture.packet(new Uint8Array(20), 'in');
    }
    const types = blocksOf(readFileSync(path));
    const section = ['section', 'interface', 'packet', 'names', 'names', 'packet'];
    assert.deepEqual(types, [...section, ...section]);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  it('more in a turn than is buffered -> nothing is missing', () => {
    const file = join(directory, 'large.pcapng');
    const { capture } = open(file);
    for (let i = 0; i < 1_000; i++) capture.packet(new Uint8Array(1_400).fill(0x45), 'in');
    capture.close();
    assert.equal(blocksOf(readFileSync(file)).filter((type) => type === 'packet').length, 1_000);
  });

  for (const file of ['/dev/full', '/nowhere/at/all']) {
    it(`${file}: packets -> told once, not thrown`, () => {
      const failures: Error[] = [];
      const { time, capture } = open(file, failures);
      for (let i = 0; i < 3; i++) {
        capture.packet(new Uint8Array(20), 'in');
        time.advance(1);
      }
      capture.close();
      assert.equal(failures.length, 1);
    });
  }
});

const NAMES: Record<number, string> = { 0x0a0d0d0a: 'section', 1: 'interface', 4: 'names', 6: 'packet' };

/** Types of the blocks, which must be framed as the format says. */
function blocksOf(bytes: Buffer): string[] {
  const types: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at + 4);
    assert.equal(length % 4, 0);
    assert.equal(bytes.readUInt32LE(at + length - 4), length);
    types.push(NAMES[bytes.readUInt32LE(at)] ?? 'unknown');
    at += length;
  }
  return types;
}
