/** Two packet modules, A and B, introduced to each other, on a wire in virtual time that the test can meddle with. */
import { PacketModule, type TunnelEvent } from '../../core/packet/packet-module';
import type { Path } from '../../core/packet/path';
import type { CipherFactory } from '../../core/packet/wireguard/cipher';
import { isManyHandshakes } from '../../core/packet/wireguard/load';
import type { Tunnel } from '../../core/packet/wireguard/tunnel';
import { SeededRandom, VirtualTime } from './virtual-time';

const LATENCY_MS = 10;

export interface End {
  readonly module: PacketModule;
  readonly events: string[];
  readonly packets: string[];
  /** Where this end's datagrams come from. */
  endpoint: { address: string; port: number };
  readonly address: { ipv4: string; ipv6: string };
  /** What an owner would do besides; nothing by default. */
  onEvent?: (event: TunnelEvent) => void;
  isUnderLoad?: (handshakesThisSecond: number) => boolean;
  onControl?: (control: Uint8Array, tunnel: Tunnel) => boolean;
}

/** What becomes of a datagram: sent on by default. */
export type Meddle = (datagram: Uint8Array, sender: 'a' | 'b', forward: (datagram: Uint8Array) => void) => void;

export class TunnelPair {
  readonly time = new VirtualTime();
  readonly a: End;
  readonly b: End;
  meddle: Meddle = (datagram, _, forward) => forward(datagram);
  /** Every datagram, as it was sent. */
  readonly sent: { readonly sender: 'a' | 'b'; readonly datagram: Uint8Array }[] = [];
  presharedKey = new Uint8Array(32).fill(0x55);

  constructor(seed: number, cipher?: CipherFactory) {
    const random = new SeededRandom(seed);
    this.a = this.end(
      'a',
      { address: '192.0.2.1', port: 1001 },
      { ipv4: '198.18.0.1', ipv6: 'fd00::1' },
      random,
      cipher,
    );
    this.b = this.end(
      'b',
      { address: '192.0.2.2', port: 1002 },
      { ipv4: '198.18.0.2', ipv6: 'fd00::2' },
      random,
      cipher,
    );
  }

  introduceAtA(presharedKey = this.presharedKey): Tunnel {
    return this.introduce(this.a, this.b, 'b.test', presharedKey);
  }

  introduceAtB(presharedKey = this.presharedKey): Tunnel {
    return this.introduce(this.b, this.a, 'a.test', presharedKey);
  }

  introduceBoth(): [Tunnel, Tunnel] {
    return [this.introduceAtA(), this.introduceAtB()];
  }

  /** Sends an IPv4 packet with this text through the tunnel of `from`. */
  say(from: End, text: string): ReturnType<PacketModule['encapsulate']> {
    const to = from === this.a ? this.b : this.a;
    return from.module.encapsulate(ipv4Packet(from.address.ipv4, to.address.ipv4, text));
  }

  close(): void {
    this.a.module.close();
    this.b.module.close();
  }

  private introduce(at: End, of: End, fqdn: string, presharedKey: Uint8Array): Tunnel {
    const path: Path = { kind: 'direct', endpoint: of.endpoint };
    return at.module.setTunnel({
      ...{ fqdn, publicKey: of.module.publicKey, presharedKey, virtualAddresses: of.address, path },
    });
  }

  private end(
    name: 'a' | 'b',
    endpoint: End['endpoint'],
    address: End['address'],
    random: SeededRandom,
    cipher?: CipherFactory,
  ): End {
    const events: string[] = [];
    const packets: string[] = [];
    const module = new PacketModule({
      ...{ clock: this.time, timers: this.time, random, privateKey: random.bytes(32) },
      ...(cipher && { cipher }),
      transmit: (datagram) => this.transmit(name, datagram.slice()),
      deliver: (packet) => packets.push(textOf(packet)),
      onEvent: (event) => {
        events.push(describe(event));
        end.onEvent?.(event);
      },
      isUnderLoad: (handshakes) => end.isUnderLoad?.(handshakes) ?? isManyHandshakes(handshakes),
      onControl: (control, tunnel) => end.onControl?.(control, tunnel) ?? false,
    });
    const end: End = { module, events, packets, endpoint, address };
    return end;
  }

  private transmit(sender: 'a' | 'b', datagram: Uint8Array): void {
    this.sent.push({ sender, datagram });
    const from: Path = { kind: 'direct', endpoint: { ...this[sender].endpoint } };
    const receiver = sender === 'a' ? this.b : this.a;
    this.meddle(datagram, sender, (forwarded) => {
      this.time.schedule(LATENCY_MS, () => receiver.module.receive(forwarded, from));
    });
  }
}

export function ipv4Packet(source: string, destination: string, text: string): Uint8Array {
  const packet = new Uint8Array(20 + Buffer.byteLength(text));
  packet[0] = 0x45;
  new DataView(packet.buffer).setUint16(2, packet.length);
  packet.set(source.split('.').map(Number), 12);
  packet.set(destination.split('.').map(Number), 16);
  packet.set(Buffer.from(text), 20);
  return packet;
}

function textOf(packet: Uint8Array): string {
  return Buffer.from(packet.subarray(20)).toString();
}

function describe(event: TunnelEvent): string {
  return event.kind === 'dropped' ? `dropped: ${event.reason}` : event.kind;
}
