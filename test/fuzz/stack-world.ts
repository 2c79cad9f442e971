/**
 * A victim stack with a connection to an attacker in every state of TCP, made by hand-written segments, and one to a
 * bystander's stack. The attacker knows the sequence numbers: whoever has the tunnel is the correspondent itself.
 */
import { Stack } from '../../core/packet/stack/stack';
import { Peer } from '../support/stack-pair';
import { SeededRandom, VirtualTime } from '../support/virtual-time';
import { Flag, readSegment, tcpPacket, type Segment, type SegmentFaults } from './segments';

const MTU = 1_400;
const PORT = 80;
const addresses = (n: number) => ({ ipv4: `198.18.0.${n}`, ipv6: `fd00::${n}` });
const [victimAt, attackerAt, bystanderAt] = [addresses(1), addresses(2), addresses(3)];
/** MSS 1360, SACK permitted, window scale 7. */
const SYN_OPTIONS = Uint8Array.of(2, 4, 5, 80, 4, 2, 1, 3, 3, 7);

const states = [
  ...['listen', 'syn-received', 'established', 'in-flight', 'out-of-order', 'syn-sent', 'fin-wait-1', 'fin-wait-2'],
  ...['close-wait', 'last-ack', 'closing', 'time-wait', 'window-full', 'window-closed'],
] as const;
export type State = (typeof states)[number];

/** The attacker's end of one connection, with what it has seen of the victim's. */
export class AttackedConnection {
  /** What the victim expects next, and the end of what it has sent. */
  next = 1_000;
  victimNext = 0;
  owner: Peer | undefined;

  constructor(
    private readonly world: StackWorld,
    private readonly family: 'ipv4' | 'ipv6',
    readonly port: number,
    public victimPort = PORT,
  ) {}

  send(segment: Partial<Segment>): void {
    this.inject(segment);
    this.world.time.advance(0);
  }

  /** As `send`, but what the victim makes of it waits for what comes at the same time. */
  inject(segment: Partial<Segment>, faults: SegmentFaults = {}): void {
    const whole: Segment = {
      ...{ sourcePort: this.port, destinationPort: this.victimPort, sequence: this.next, window: 0xffff },
      ...{ acknowledgement: this.victimNext, flags: Flag.ack, ...segment },
    };
    this.world.victim.input(tcpPacket(attackerAt[this.family], victimAt[this.family], whole, faults));
  }

  /** The victim's segment for this connection. */
  receive({ sequence, acknowledgement, flags, length }: ReturnType<typeof readSegment>): void {
    if (flags & Flag.rst) return;
    if (flags & Flag.ack) this.next = acknowledgement;
    const end = (sequence + length) >>> 0;
    if (flags & Flag.syn || ((end - this.victimNext) | 0) > 0) this.victimNext = end;
  }

  /** Brings the connection into the state, as its two ends would. */
  enter(state: State): void {
    if (state === 'listen') return;
    if (state === 'syn-sent') return this.connect();
    this.send({ flags: Flag.syn, acknowledgement: 0, options: SYN_OPTIONS });
    if (state === 'syn-received') return;
    this.world.accepting = this;
    this.send(state === 'window-closed' ? { window: 0 } : {});
    this.act(state);
  }

  /** To the victim's SYN. */
  answer(): void {
    this.send({ flags: Flag.syn | Flag.ack, options: SYN_OPTIONS });
  }

  private act(state: State): void {
    const owner = this.owner!;
    const data = new Uint8Array(8_000).fill(state.length);
    if (state === 'in-flight' || state === 'window-closed') owner.connection.write(data);
    if (state === 'out-of-order') this.send({ sequence: this.next + 100, payload: data.subarray(0, 500) });
    owner.consuming = state !== 'window-full';
    if (state === 'window-full') this.send({ payload: data.subarray(0, 1_300) });
    if (state === 'close-wait' || state === 'last-ack') this.send({ flags: Flag.fin | Flag.ack });
    if (['fin-wait-1', 'fin-wait-2', 'last-ack', 'closing', 'time-wait'].includes(state)) owner.connection.shutdown();
    if (state === 'fin-wait-2' || state === 'time-wait') this.send({});
    if (state === 'closing') this.send({ flags: Flag.fin | Flag.ack, acknowledgement: this.victimNext - 1 });
    if (state === 'time-wait') this.send({ flags: Flag.fin | Flag.ack });
  }

  private connect(): void {
    const owner = new Peer();
    const remote = { address: attackerAt[this.family], port: this.port };
    owner.attach(this.world.victim.connectTcp({ remote }, owner));
    this.owner = owner;
    this.victimPort = owner.connection.local.port;
  }
}

export class StackWorld {
  readonly time = new VirtualTime();
  readonly victim = this.stack(4, (packet) => this.fromVictim(packet));
  readonly bystander = this.stack(5, (packet) => this.later(() => this.victim.input(packet)));
  /** One for each state and IP version. */
  readonly attacked: readonly AttackedConnection[];
  /** Whose connection the victim's listener is given next. */
  accepting: AttackedConnection | undefined;
  private readonly friends: [Peer, Peer];

  constructor() {
    this.victim.configure(victimAt, MTU);
    this.bystander.configure(bystanderAt, MTU);
    this.victim.listenTcp({ address: '::', port: PORT, backlog: 128 }, (connection) => {
      const owner = new Peer();
      if (this.accepting) this.accepting.owner = owner;
      this.accepting = undefined;
      owner.attach(connection);
    });
    this.friends = this.befriend();
    const kinds = states.flatMap((state) => (['ipv4', 'ipv6'] as const).map((family) => ({ state, family })));
    this.attacked = kinds.map(({ family }, i) => new AttackedConnection(this, family, 1_000 + i));
    kinds.forEach(({ state }, i) => this.attacked[i]!.enter(state));
  }

  /** The connections that were brought into this state. */
  in(state: State): readonly AttackedConnection[] {
    return this.attacked.filter((_, i) => states[i >> 1] === state);
  }

  /** Whether bytes pass between the bystander and the victim, both ways. */
  friendsTalk(): boolean {
    const bytes = new Uint8Array(20_000).fill(7);
    const before = this.friends.map((friend) => friend.bytes.length);
    for (const friend of this.friends) friend.send(bytes);
    this.time.advance(5_000);
    return this.friends.every((friend, i) => friend.bytes.length === before[i]! + bytes.length);
  }

  close(): void {
    this.victim.close();
    this.bystander.close();
    this.time.advance(100);
  }

  private befriend(): [Peer, Peer] {
    const [client, server] = [new Peer(), new Peer()];
    const listener = this.victim.listenTcp(
      { address: '::', port: 7, backlog: 1 },
      (connection) => void server.attach(connection),
    );
    client.attach(this.bystander.connectTcp({ remote: { address: victimAt.ipv4, port: 7 } }, client));
    this.time.runUntil(() => client.seen('connected') && server.attached, 5_000);
    listener.close();
    return [client, server];
  }

  private fromVictim(packet: Uint8Array): void {
    const { destinationPort, ...segment } = readSegment(packet);
    const port = destinationPort - 1_000;
    const isForBystander = packet[packet[0]! >> 4 === 4 ? 19 : 39] === 3;
    if (isForBystander) return this.later(() => this.bystander.input(packet));
    this.attacked?.[port]?.receive({ destinationPort, ...segment });
  }

  private stack(seed: number, output: (packet: Uint8Array) => void): Stack {
    const { time } = this;
    const random = new SeededRandom(seed);
    return new Stack({ clock: time, timers: time, random, output: (packet) => output(packet.slice()) });
  }

  private later(arrive: () => void): void {
    this.time.schedule(5, arrive);
  }
}
