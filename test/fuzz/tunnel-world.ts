/**
 * Three packet modules in virtual time: a victim, which is attacked, and two that have tunnels to it: a peer, in whose
 * name the attack is made, and a bystander, who must not notice.
 */
import { PacketModule } from '../../core/packet/packet-module';
import type { Path } from '../../core/packet/path';
import type { Tunnel } from '../../core/packet/wireguard/tunnel';
import { SeededRandom, VirtualTime } from '../support/virtual-time';

const LATENCY_MS = 10;

export interface Party {
  readonly path: Path;
  readonly addresses: { readonly ipv4: string; readonly ipv6: string };
  readonly module: PacketModule;
  /** What came out of the tunnels; `deliver` is told besides. */
  delivered: number;
  events: number;
  underLoad: boolean;
  deliver(packet: Uint8Array): void;
}

export class TunnelWorld {
  readonly time = new VirtualTime();
  private readonly random = new SeededRandom(3);
  private readonly parties = new Map<string, Party>();
  readonly victim = this.party(1);
  readonly peer = this.party(2);
  readonly bystander = this.party(3);
  /** Bytes that the victim sent to nobody we know. */
  sentAway = 0;
  /** Takes the place of the wire when set. */
  private divert: ((datagram: Uint8Array, to: Party) => unknown) | undefined;

  /** Tunnels between the victim and both others, constructed. */
  constructor() {
    for (const other of [this.peer, this.bystander]) {
      this.introduce(this.victim, other);
      this.introduce(other, this.victim).requestTunnel();
    }
    this.time.advance(100);
  }

  introduce(at: Party, to: Party): Tunnel {
    const { addresses: virtualAddresses, path, module } = to;
    const presharedKey = new Uint8Array(32).fill(5);
    const { publicKey } = module;
    return at.module.setTunnel({ fqdn: virtualAddresses.ipv4, publicKey, presharedKey, virtualAddresses, path });
  }

  /**
   * What `act` makes the others send to the victim, which does not arrive. Each datagram of the victim's they receive
   * twice: first under load, so that they ask for a cookie.
   */
  capture(act: () => void): Uint8Array[] {
    const captured: Uint8Array[] = [];
    this.divert = (datagram, to) => {
      if (to === this.victim) return captured.push(datagram);
      for (const underLoad of [true, false]) {
        to.underLoad = underLoad;
        to.module.receive(datagram, this.victim.path);
      }
      return undefined;
    };
    act();
    this.divert = undefined;
    return captured;
  }

  close(): void {
    for (const { module } of this.parties.values()) module.close();
    this.time.advance(LATENCY_MS);
  }

  private party(n: number): Party {
    const path: Path = { kind: 'direct', endpoint: { address: `192.0.2.${n}`, port: n } };
    const module = new PacketModule({
      ...{ clock: this.time, timers: this.time, random: this.random, privateKey: this.random.bytes(32) },
      transmit: (datagram, to) => this.transmit(datagram.slice(), party, to),
      deliver: (packet) => (party.delivered++, party.deliver(packet)),
      onEvent: ({ kind }) => void (kind !== 'dropped' && party.events++),
      isUnderLoad: () => party.underLoad,
    });
    const party: Party = {
      ...{ path, module, addresses: { ipv4: `198.18.0.${n}`, ipv6: `fd00::${n}` } },
      ...{ delivered: 0, events: 0, underLoad: false, deliver: () => {} },
    };
    this.parties.set(path.endpoint.address, party);
    return party;
  }

  private transmit(datagram: Uint8Array, from: Party, { endpoint }: Path): void {
    const to = this.parties.get(endpoint.address);
    if (!to) this.sentAway += datagram.length;
    else if (this.divert) this.divert(datagram, to);
    else this.arrive(datagram, from, to);
  }

  private arrive(datagram: Uint8Array, from: Party, to: Party): void {
    this.time.schedule(LATENCY_MS, () => to.module.receive(datagram, from.path));
  }
}
