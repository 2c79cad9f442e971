/**
 * How long a NAT, or a firewall, keeps a mapping that nothing passes through (RFC 4787 REQ-5 asks for two minutes; this
 * is the test of RFC 5780 section 4.6): for each time a socket of its own, which asks a server once where it is seen
 * and then is silent. When its time is over, the server is asked by the tunnels' socket to answer there.
 *
 *   asked -- answered, and control: an answer can be had there at once -- silent -- answer arrives --> kept so long
 *                                                                          '------- none --> forgotten: that is known
 *
 * The first that is forgotten ends it. Some twenty datagrams, once for each network that a node comes to.
 */
import type { DatagramPort, Runtime, Timer } from '../runtime';
import { type Endpoint, familyOf } from '../wire/addresses';
import { isStun } from '../wire/stun';
import { StunClient, type Question, type Sighting } from './stun-client';

/** For so long a mapping has to be kept, and how often something is sent if it is, but not for the next longer one. */
const STEPS = [
  { silentMs: 4_500, keepAliveMs: 4_000 },
  { silentMs: 8_000, keepAliveMs: 7_000 },
  { silentMs: 16_000, keepAliveMs: 14_000 },
  { silentMs: 27_000, keepAliveMs: undefined },
] as const;
/** More often never, whatever the NAT does: it wakes a radio each time. */
const LEAST_MS = STEPS[0].keepAliveMs;
/** What was found too short is looked at again: the NAT may be another one. */
const AGAIN_MS = 1_800_000;
const FIRST = { triesMs: [0, 250, 600], untilMs: 1_200 };
const LATER_TRIES_MS = [0, 150, 300];
const LATER_LEAST_MS = 500;

export interface MappingLifetimeOptions {
  /** Where no sockets can be opened, as in simulations, nothing is found out. */
  readonly runtime: Pick<Runtime, 'clock' | 'timers' | 'random'> & Partial<Pick<Runtime, 'openDatagramPort'>>;
  /** By the tunnels' socket. */
  send(datagram: Uint8Array, to: Endpoint): void;
  /** How often something has to be sent, milliseconds; undefined: the usual is often enough. */
  onKnown(keepAliveMs: number | undefined): void;
}

/** A server that answers, and how soon. */
export interface Answerer {
  readonly at: Endpoint;
  readonly rttMs: number;
}

export class MappingLifetime {
  private current: Measurement | undefined;
  private again: Timer | undefined;

  constructor(private readonly options: MappingLifetimeOptions) {}

  /** From now on; what was begun is given up. Nothing is told unless it is sure. */
  measure(server: Answerer): void {
    this.stop();
    const { openDatagramPort } = this.options.runtime;
    if (!openDatagramPort) return;
    const measurement = new Measurement(this.options, openDatagramPort, server, (keepAliveMs) => {
      this.options.onKnown(keepAliveMs);
      if (keepAliveMs === undefined) return;
      this.again = this.options.runtime.timers.schedule(AGAIN_MS, () => this.measure(server));
    });
    this.current = measurement;
    void measurement.begin();
  }

  stop(): void {
    this.again?.cancel();
    this.current?.end();
    this.current = undefined;
  }
}

class Measurement {
  private readonly lines: Line[] = [];
  private readonly timers = new Set<Timer>();
  private ended = false;

  constructor(
    private readonly options: MappingLifetimeOptions,
    private readonly openPort: Runtime['openDatagramPort'],
    private readonly server: Answerer,
    private readonly onKnown: (keepAliveMs: number | undefined) => void,
  ) {}

  async begin(): Promise<void> {
    const opened = await Promise.all(STEPS.map(() => this.openLine()));
    this.lines.push(...opened.filter((line) => line !== undefined));
    if (this.ended || this.lines.length < STEPS.length) return this.end();
    const seen = await Promise.all(this.lines.map((line) => line.ask(this.server.at, FIRST)));
    if (this.ended) return; // the lines are gone
    const isSure = seen[0] !== undefined && (await this.isReached(this.lines[0]!, seen[0]));
    if (this.ended) return;
    if (!isSure || seen.includes(undefined)) return this.end();
    STEPS.forEach(({ silentMs }, i) => {
      const timer = this.options.runtime.timers.schedule(silentMs, () => void this.look(i, seen[i]!));
      this.timers.add(timer);
    });
  }

  end(): void {
    this.ended = true;
    for (const timer of this.timers) timer.cancel();
    for (const line of this.lines.splice(0)) line.close();
  }

  private async look(step: number, seen: Sighting): Promise<void> {
    const isKept = await this.isReached(this.lines[step]!, seen);
    if (this.ended || (isKept && step < STEPS.length - 1)) return;
    this.end();
    this.onKnown(isKept ? undefined : step === 0 ? LEAST_MS : STEPS[step - 1]!.keepAliveMs);
  }

  private async isReached(line: Line, { mapped }: Sighting): Promise<boolean> {
    const { at, rttMs } = this.server;
    const untilMs = Math.max(LATER_LEAST_MS, 3 * rttMs);
    line.send = this.options.send;
    return (await line.ask(at, { triesMs: LATER_TRIES_MS, untilMs, answerTo: mapped.port })) !== undefined;
  }

  private async openLine(): Promise<Line | undefined> {
    const line = new Line(this.options.runtime);
    try {
      await line.open(this.openPort, familyOf(this.server.at));
    } catch {
      return undefined; // too many are open
    }
    if (!this.ended) return line;
    line.close();
    return undefined;
  }
}

/** A socket with a mapping of its own. */
class Line {
  /** By itself at first. */
  send: (datagram: Uint8Array, to: Endpoint) => void = (datagram, to) => this.port?.send(datagram, to);
  private port: DatagramPort | undefined;
  private readonly client: StunClient;

  constructor({ clock, timers, random }: Pick<Runtime, 'clock' | 'timers' | 'random'>) {
    this.client = new StunClient({ clock, timers, random, send: (datagram, to) => this.send(datagram, to) });
  }

  async open(openPort: Runtime['openDatagramPort'], family: 4 | 6): Promise<void> {
    this.port = await openPort({
      family,
      onDatagram: (datagram, from) => isStun(datagram) && this.client.receive(datagram, from),
      onSendError() {}, // no answer comes
    });
  }

  ask(server: Endpoint, question: Question): Promise<Sighting | undefined> {
    return this.client.ask(server, question);
  }

  close(): void {
    this.client.close();
    this.port?.close();
  }
}
