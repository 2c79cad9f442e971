/** The DC's DNS with a real zone behind it, that asks a real AS, and connections to it in memory, on virtual time. */
import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import dns, { type DecodedPacket } from 'dns-packet';
import { coordinatorZone } from '../../servers/coordinator/coordinator-zone';
import { DnsServer } from '../../servers/coordinator/dns-server';
import { serveStream } from '../../servers/coordinator/dns-stream';
import { RateLimit } from '../../servers/rate-limit';
import { flush, pass, settle } from '../support/memory-datagrams';
import { ServerWorld, ZONE } from '../support/server-world';
import { retained } from './retained';

/** The accounts that the AS has: their names may get addresses, and nobody else's. */
const ACCOUNTS = 3;
/** One entry for each reason to drop, and one name question's bucket. */
const RETAINED_LIMIT = 10;

/** An answer repeats it, so that it does not fit into 512 bytes. */
export const LONG_NAME = `${`${'a'.repeat(59)}.`.repeat(4)}${ZONE}`;
/** Few, so that they are used up. */
const NAME_QUESTIONS = { burst: 10, refillMs: 100 };
/** Less than Node's, so that few answers fill it. */
export const UNREAD_MARK_BYTES = 1024;

export class DnsWorld {
  private readonly servers: ServerWorld;
  readonly dns: DnsServer;
  private readonly before: number;
  /** The AS looks into its store all the time. */
  private readonly timersBefore: number;

  private constructor(servers: ServerWorld) {
    this.servers = servers;
    const { pool, names } = servers.dc;
    const real = new Map([`dc.${ZONE}`, LONG_NAME].map((name) => [name, ['192.0.2.1']]));
    const common = { serial: 1, nameServers: [`dc.${ZONE}`], hostmaster: `hostmaster.${ZONE}` };
    const nameQuestions = new RateLimit(servers.time, NAME_QUESTIONS);
    const { assignments } = servers.store;
    const sources = { pool, names, assignments, nameQuestions };
    this.dns = new DnsServer([coordinatorZone(ZONE, common, (name) => real.get(name), sources)]);
    this.before = this.held();
    this.timersBefore = servers.time.pendingCount;
  }

  static async start(): Promise<DnsWorld> {
    return new DnsWorld(await ServerWorld.start({ withNotification: false }));
  }

  get dropped(): number {
    return [...this.dns.drops.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Promises run, and the AS is asked and answers. */
  pass(ms = 5): Promise<void> {
    return pass(this.servers.time, ms);
  }

  /** Nothing is left of what was asked, and who asks properly is answered. */
  async isWell(): Promise<void> {
    await this.pass(10_000);
    assert.equal(this.dns.drops.get('answer failed') ?? 0, 0, 'an answer could not be written');
    const held = this.held() - this.before;
    assert(held <= RETAINED_LIMIT + ACCOUNTS * 2, `${held} entries were left`);
    assert.equal(this.servers.time.pendingCount, this.timersBefore, 'a timer is left');
    for (const [name, type, rcode, answers] of [
      [`alice.${ZONE}`, 'A', 'NOERROR', 1],
      [`carol.${ZONE}`, 'AAAA', 'NOERROR', 1],
      [`nobody.${ZONE}`, 'A', 'NXDOMAIN', 0],
    ] as const) {
      const packet = await this.answerTo(name, type);
      assert.deepEqual([packet.rcode, packet.answers?.length], [rcode, answers], name);
    }
  }

  async answerTo(name: string, type: 'A' | 'AAAA') {
    const query = dns.encode({ type: 'query', id: 9, questions: [{ name, type }] });
    const answer = await settle(this.servers.time, this.dns.answer(query, 'udp'));
    return dns.decode(Buffer.from(answer!)) as DecodedPacket & { rcode: string };
  }

  private held(): number {
    const { time, dc } = this.servers;
    return retained([this.dns, dc], time);
  }
}

/** A TCP connection to the DNS whose other end is held here; it reads only when told to. */
export class Connection extends Duplex {
  private readonly chunks: Buffer[] = [];
  private held: (() => void) | undefined;

  constructor(
    server: DnsServer,
    private reads: boolean,
  ) {
    super({ writableHighWaterMark: UNREAD_MARK_BYTES });
    this.on('error', () => {});
    serveStream(server, this);
  }

  /** What it was sent, and what of it is a whole message. */
  async received(): Promise<Buffer[]> {
    this.reads = true;
    for (; this.held; await flush()) this.release();
    const all = Buffer.concat(this.chunks);
    const messages: Buffer[] = [];
    for (let at = 0; at < all.length; at += 2 + messages.at(-1)!.length) {
      messages.push(all.subarray(at + 2, at + 2 + all.readUInt16BE(at)));
    }
    return messages;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.chunks.push(chunk);
    if (this.reads) done();
    else this.held = done;
  }

  private release(): void {
    const done = this.held;
    this.held = undefined;
    done?.();
  }
}
