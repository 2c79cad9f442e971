/** An RS on virtual time, with a DC that asks it for paths, and both sides of each. */
import assert from 'node:assert/strict';
import type { Endpoint } from '../../core/wire/addresses';
import { agreedKey, generateKeyPair, sharedKey } from '../../core/wire/keys';
import type { Message } from '../../core/wire/messages';
import { isRelayHint, RELAY_HINT_MAGIC, writeRelayHeader } from '../../core/wire/relay-frame';
import { noTrace, type Trace } from '../../core/trace';
import { Signalling } from '../../core/wire/signalling';
import type { RelayLimits } from '../../servers/relay/relay-paths';
import { RelayServer } from '../../servers/relay/relay-server';
import { MemoryNetwork, pass, settle } from './memory-datagrams';
import { SeededRandom, VirtualTime } from './virtual-time';

export const rsAt = { address: '192.0.2.4', port: 4 };
const dcAt = { address: '192.0.2.2', port: 2 };
export const at = (n: number): Endpoint => ({ address: `203.0.113.${n}`, port: 4000 + n });

export class RelayWorld {
  readonly time = new VirtualTime();
  readonly random = new SeededRandom(5);
  readonly network = new MemoryNetwork(this.time);
  readonly rs: RelayServer;
  private readonly dc: Signalling<Endpoint>;
  private readonly rsPeer;

  constructor(limits: Partial<RelayLimits> = {}, trace: Trace = noTrace) {
    const ports = { clock: this.time, timers: this.time, random: this.random, trace };
    const [rsKeys, dcKeys] = [generateKeyPair(this.random), generateKeyPair(this.random)];
    const coordinator = { party: 'dc' as const, name: 'dc', publicKey: dcKeys.publicKey };
    const options = { identity: rsKeys, name: 'rs', coordinator, endpoints: [rsAt], limits };
    const transmit = this.network.attach(rsAt, (datagram, from) => this.rs.receive(datagram, from));
    this.rs = new RelayServer(options, { ...ports, transmit });
    const send = this.network.attach(dcAt, (datagram, from) => this.dc.receive(datagram, from));
    this.dc = new Signalling({ party: 'dc', part: 'dc', identity: dcKeys, ...ports, transmit: send });
    const key = agreedKey(dcKeys, rsKeys.publicKey);
    this.rsPeer = this.dc.addPeer({ key, party: 'rs', name: 'rs' });
  }

  async path(
    owner = 'alice',
    nodes?: [string, string],
  ): Promise<{ pathId: Uint8Array; sides: [Side, Side]; keys: readonly Uint8Array[] }> {
    const keys = [this.random.bytes(32), this.random.bytes(32)];
    const message: Message = { name: 'relayDirection', body: { owner, keys, ...(nodes && { nodes }) } };
    const answer = await settle(this.time, this.dc.request(this.rsPeer, rsAt, message));
    assert(answer.name === 'relayDirectionAck');
    assert.deepEqual(answer.body.endpoints, [rsAt]);
    const { pathId } = answer.body;
    const [mn, cn] = keys.map((key) => new Side(this, key, pathId));
    return { pathId, sides: [mn!, cn!], keys };
  }

  async withdraw(fqdn: string): Promise<void> {
    await settle(this.time, this.dc.request(this.rsPeer, rsAt, { name: 'relayWithdrawal', body: { fqdn } }));
  }

  async boundPath(): Promise<{ pathId: Uint8Array; sides: [Side, Side] }> {
    const path = await this.path();
    await path.sides[0].bind(at(1));
    await path.sides[1].bind(at(2));
    return path;
  }

  /** A frame from anywhere. */
  async frame(pathId: Uint8Array, from: Endpoint, content = 'x', length = 64, type = 4): Promise<void> {
    const frame = new Uint8Array(10 + length);
    writeRelayHeader(frame, pathId);
    frame[10] = type;
    frame.set(Buffer.from(content), 11);
    this.network.sender(from)(frame, rsAt);
    await pass(this.time, 2);
  }

  drops(): Record<string, number> {
    return Object.fromEntries(this.rs.paths.drops);
  }
}

export class Side {
  readonly received: Uint8Array[] = [];
  readonly hints: Uint8Array[] = [];
  private readonly signalling: Signalling<Endpoint>;
  private readonly rs;
  private local = at(99);

  constructor(
    private readonly world: RelayWorld,
    key: Uint8Array,
    readonly pathId: Uint8Array,
  ) {
    const { time, random } = world;
    const ports = { clock: time, timers: time, random, trace: () => {} };
    this.signalling = new Signalling({
      ...{ party: 'node', part: 'node', ...ports },
      transmit: (datagram, to) => world.network.sender(this.local)(datagram, to),
    });
    this.rs = this.signalling.addPeer({ key: sharedKey(key, 0), party: 'rs', name: 'rs' });
  }

  async bind(local: Endpoint): Promise<Message> {
    this.local = local;
    this.world.network.attach(local, (datagram, from) => {
      if (datagram[0] === RELAY_HINT_MAGIC && isRelayHint(datagram)) this.hints.push(datagram);
      else if (datagram[0] === 0x4e) this.signalling.receive(datagram, from);
      else this.received.push(datagram);
    });
    return settle(this.world.time, this.signalling.request(this.rs, rsAt, { name: 'relayBind', body: {} }));
  }

  /** As only the DC may. */
  withdraw(fqdn: string): Promise<Message> {
    const message: Message = { name: 'relayWithdrawal', body: { fqdn } };
    return settle(this.world.time, this.signalling.request(this.rs, rsAt, message));
  }

  release(): void {
    this.signalling.oneway(this.rs, rsAt, { name: 'relayRelease', body: {} });
  }

  texts(): string[] {
    return this.received.map((frame) => Buffer.from(frame.subarray(11, 12)).toString());
  }
}
