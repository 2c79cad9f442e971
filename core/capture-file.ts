/**
 * NTMOBILE_PCAP: the packets inside the tunnels, decrypted, appended to a pcapng file as the virtual stack sends and
 * receives them, with the names of correspondent nodes. Written at the end of each turn of the event loop in which
 * packets came or went, so that a killed process loses one turn at most. A file that cannot be written ends the
 * capture, never the program.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Capture } from './capture';
import { nameResolution, packetLength, sectionStart, writePacket } from './pcapng';
import type { Clock, Timers } from './runtime';
import type { VirtualAddresses } from './wire/addresses';
import { parseIp } from './wire/ip-text';

/** Packets of one turn beyond this are written at once. */
const BUFFER_BYTES = 256 * 1024;
const NAMES_LIMIT = 8_192;

export interface CaptureOptions {
  readonly path: string;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Of the virtual interface, for the reader of the file. */
  readonly interfaceName: string;
  /** Called once at most: the file cannot be opened or written, and the capture ends. */
  onFailure(error: Error): void;
}

export class CaptureFile implements Capture {
  private file: number | undefined;
  private readonly buffer = Buffer.allocUnsafe(BUFFER_BYTES);
  private used = 0;
  private scheduled = false;
  private readonly named = new Set<string>();
  private readonly writeNow = (): void => {
    this.scheduled = false;
    this.flush();
  };

  constructor(private readonly options: CaptureOptions) {
    this.attempt(() => {
      this.file = openSync(options.path, 'a', 0o600);
    });
    this.append(sectionStart('ntmobile', options.interfaceName));
  }

  packet(packet: Uint8Array, direction: 'in' | 'out'): void {
    if (this.file === undefined) return;
    const length = packetLength(packet);
    if (this.used + length > BUFFER_BYTES) this.flush();
    writePacket(this.buffer, this.used, packet, direction, this.options.clock.wallTimeMs());
    this.advance(length);
  }

  name(fqdn: string, { ipv4, ipv6 }: VirtualAddresses): void {
    for (const address of [ipv4, ipv6]) {
      const bytes = parseIp(address);
      const key = `${address} ${fqdn}`;
      if (this.file === undefined || !bytes || this.named.has(key)) continue;
      if (this.named.size >= NAMES_LIMIT) this.named.clear();
      this.named.add(key);
      this.append(nameResolution(bytes, fqdn));
    }
  }

  close(): void {
    this.flush();
    this.end();
  }

  private append(bytes: Buffer): void {
    if (this.used + bytes.length > BUFFER_BYTES) this.flush();
    bytes.copy(this.buffer, this.used);
    this.advance(bytes.length);
  }

  private advance(length: number): void {
    this.used += length;
    if (this.scheduled) return;
    this.scheduled = true;
    this.options.timers.soon(this.writeNow);
  }

  /** Whole blocks in one write, so that processes which share the file do not mix theirs (O_APPEND). */
  private flush(): void {
    const { file, used } = this;
    this.used = 0;
    if (file === undefined || used === 0) return;
    this.attempt(() => {
      if (writeSync(file, this.buffer, 0, used) < used) throw new Error('no space left');
    });
  }

  private attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.end();
      this.options.onFailure(error as Error);
    }
  }

  private end(): void {
    const { file } = this;
    this.file = undefined;
    if (file !== undefined) closeSync(file);
  }
}
