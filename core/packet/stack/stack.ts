/**
 * The virtual TCP/IP stack (paper 3.3): lwIP in wasm, one instance per stack. Read stack-contract.ts first.
 *
 *   in    input -> refusal (netif.ts) -> pbuf -> lwIP -> events queued (tcp.ts)
 *         end of the batch: flush -> deliver -> owner; then acknowledge -> the ACKs that nothing has carried along
 *   out   owner -> Connection.write -> lwIP -> output, during that call
 *   time  clock.c says when -> one timer (clock.ts) -> wake -> lwIP -> deliver -> owner
 *
 * Every call into lwIP stands between enter() and leave(). No call of the owner's is made while lwIP runs, except
 * `output`, which must not call the stack.
 */
import type { Clock, Random, Timers } from '../../runtime';
import type { VirtualAddresses } from '../../wire/addresses';
import { LEAST_MTU } from '../wireguard/constants';
import { StackClock } from './clock';
import type { Connection } from './connection';
import type { Core, LwipExports, LwipImports } from './core';
import { parseIp } from '../../wire/ip-text';
import { KnownMtus } from './known-mtus';
import type { Listener } from './listener';
import { lwipModule, Memory } from './memory';
import type { PacketCounters, StackCounters } from './counters';
import { isFragment, isIcmp, ownAddresses, refusal, type OwnAddresses } from './netif';
import { Echoes } from './echoes';
import { readIcmp, TCP, UDP, type IcmpError } from './icmp';
import { Reports } from './reports';
import { Sockets } from './sockets';
import type * as contract from './stack-contract';
import { UdpSockets } from './udp-sockets';

export interface StackOptions {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  /** An IP packet for a correspondent node. The view is valid only during the call, which must not call the stack. */
  output(packet: Uint8Array): void;
  /** TCP to this address hears nothing any more; the path may carry only smaller packets than setPathMtu said. */
  onStalled?(remoteAddress: string): void;
  /** Whoever it does not admit finds the port closed. Default: everybody reaches every port. */
  readonly inbound?: contract.InboundPolicy;
  /** lwIP failed this assertion: all connections have ended with ECONNABORTED, and a new instance was started. */
  onFault?(assertion: string): void;
  /** Default: the one beside this file. */
  readonly module?: WebAssembly.Module;
}

/** lwIP failed an assertion. The next wake starts a new instance. */
class StackFault extends Error {}

export class Stack implements contract.VirtualStack, Core {
  wasm!: LwipExports;
  memory!: Memory;
  readonly counters: PacketCounters = {
    ...{ received: 0, sent: 0, malformed: 0, misaddressed: 0, fragment: 0, unsupported: 0 },
    ...{ unconfigured: 0, outOfMemory: 0, faults: 0 },
  };

  private readonly clock: StackClock;
  private readonly reports = new Reports(this, ({ remote }) => this.options.onStalled?.(remote.address));
  readonly udp = new UdpSockets(this);
  private readonly sockets = new Sockets(this, this.reports, this.udp);
  private readonly echoes: Echoes;
  private readonly pathMtus = new KnownMtus();
  private own: OwnAddresses | undefined;
  private configured: { readonly addresses: VirtualAddresses; readonly mtu: number } | undefined;
  /** `delivering`: owners are being told what happened. `sending`: lwIP runs, and has called output. */
  private phase: 'idle' | 'delivering' | 'sending' | 'closed' = 'idle';
  private fault: StackFault | undefined;
  private flushes = false;
  private readonly flushNow = (): void => this.flush();
  private readonly acknowledgeNow = (): void => this.acknowledge();

  constructor(private readonly options: StackOptions) {
    const { clock, timers, random } = options;
    this.clock = new StackClock(clock, timers, random, () => this.wake());
    this.echoes = new Echoes(options, (packet) => options.output(packet));
    this.start();
  }

  get addresses(): VirtualAddresses | undefined {
    return this.configured?.addresses;
  }

  get isClosed(): boolean {
    return this.phase === 'closed';
  }

  get inbound(): contract.InboundPolicy | undefined {
    const { inbound } = this.options;
    return inbound?.isOpen ? undefined : inbound;
  }

  /** Those of TCP since the last fault. */
  statistics(): StackCounters {
    const [retransmitted = 0, needless = 0, probes = 0, timeouts = 0] = this.memory.words(this.wasm.tcp_counters(), 4);
    const tcp = { retransmitted, needless, probes, timeouts };
    const udp = { udpOverflows: this.udp.overflows, udpUnsent: this.udp.unsent };
    return { ...this.counters, ...tcp, ...udp, allocations: this.liveAllocations };
  }

  /** Blocks of C memory that are in use; 0 after close(). */
  get liveAllocations(): number {
    return this.wasm.heap_live();
  }

  configure(addresses: VirtualAddresses, mtu: number): void {
    if (this.phase === 'closed') return;
    const own = ownAddresses(addresses);
    const before = this.addresses;
    this.own = own;
    this.configured = { addresses, mtu };
    this.enter();
    this.reports.givingUpMeans('ECONNABORTED', () => this.applyConfiguration());
    for (const listener of this.reports.listeners.values()) {
      if (listener.address === before?.ipv4) listener.address = addresses.ipv4;
      if (listener.address === before?.ipv6) listener.address = addresses.ipv6;
    }
    if (before) {
      this.udp.renumber(before.ipv4, addresses.ipv4);
      this.udp.renumber(before.ipv6, addresses.ipv6);
    }
    this.leave();
  }

  input(packet: Uint8Array): void {
    if (this.phase === 'closed') return;
    if (this.phase === 'sending') throw new Error('output() must not call back into the stack');
    this.counters.received++;
    if (!this.own) {
      this.counters.unconfigured++;
      return;
    }
    const refused = refusal(packet, this.own);
    if (refused) {
      this.counters[refused]++;
      return;
    }
    this.clock.read();
    try {
      if (!this.fault) this.process(packet);
    } catch (error) {
      if (!(error instanceof StackFault)) throw error;
    }
    if (this.flushes) return;
    this.flushes = true;
    this.options.timers.soon(this.flushNow);
  }

  setPathMtu(remoteAddress: string, mtu: number): void {
    if (this.phase === 'closed' || !this.pathMtus.set(remoteAddress, mtu)) return;
    this.enter();
    for (const { pcb } of this.reports.connectionsTo(remoteAddress)) this.wasm.tcp_path_mtu(pcb, mtu);
    this.leave();
  }

  connectTcp(options: contract.TcpConnectOptions, events: contract.TcpEvents): Connection {
    return this.sockets.connectTcp(options, events);
  }

  listenTcp(options: contract.TcpListenOptions, onConnection: Listener['onConnection']): contract.TcpListener {
    return this.sockets.listenTcp(options, onConnection);
  }

  openUdp(options: contract.UdpOpenOptions, events: contract.UdpEvents): contract.UdpSocket {
    return this.sockets.openUdp(options, events);
  }

  ping(address: string, length = 56): Promise<number | undefined> {
    return this.echoes.ping(this.own, address, length);
  }

  /**
   * The path to a correspondent node changed: sends and tells again at once what the old one may have lost, instead of
   * waiting for a timer that has been backed off meanwhile, and begins slowly on the new one.
   */
  pathChanged(remoteAddress: string, { oldDelivers = false, rttMs = 0 }: contract.PathChange = {}): void {
    this.atAddress(remoteAddress, (family) =>
      this.wasm.tcp_path_changed(family, Number(oldDelivers), Math.ceil(rttMs * 1_000)),
    );
  }

  /** What leaves from now on takes another path of this MTU, too: what the peer waits for is sent again. */
  pathDoubted(remoteAddress: string, mtu: number): void {
    this.pathMtus.set(remoteAddress, mtu);
    this.atAddress(remoteAddress, (family) => this.wasm.tcp_path_doubted(family, mtu));
  }

  /** The correspondent node is not there: connections to it that are not established fail now. */
  unreachable(remoteAddress: string, reason: 'EHOSTUNREACH' | 'EACCES', cause: Error): void {
    this.act(() => this.reports.unreachable(remoteAddress, reason, cause));
  }

  /** Connections that came from there to ports that are not permitted are reset; without `isPermitted`, all with it. */
  revoke(remoteAddress: string, isPermitted: ((localPort: number) => boolean) | undefined, cause?: Error): void {
    this.act(() => this.reports.revoke(remoteAddress, isPermitted, cause));
  }

  close(): void {
    if (this.phase === 'closed') return;
    this.enter();
    this.reports.forgetAll();
    this.echoes.close();
    this.udp.close();
    this.wasm.tcp_close_all();
    this.phase = 'closed';
    this.wasm.reassembly_close();
    this.wasm.netif_loop();
    this.clock.cancel();
  }

  // ---- for connections and listeners (Core) ----

  enter(): void {
    if (this.phase === 'sending') throw new Error('output() must not call back into the stack');
    this.clock.read();
    this.wasm.clock_enter();
  }

  leave(): void {
    if (this.phase !== 'idle') return;
    const sleepMs = this.wasm.clock_leave();
    this.clock.sleep(this.reports.waiting || this.wasm.netif_has_loop() ? 0 : sleepMs);
  }

  pathMtu(remoteAddress: string): number {
    return this.pathMtus.get(remoteAddress) ?? this.configured?.mtu ?? LEAST_MTU;
  }

  forget(ended: Connection | Listener): void {
    this.reports.forget(ended);
  }

  // ---- lwIP ----

  private act(action: () => void): void {
    if (this.phase === 'closed') return;
    this.enter();
    action();
    this.leave();
  }

  /** Of all connections to it; the address is where lwIP reads it. */
  private atAddress(remoteAddress: string, action: (family: 4 | 6) => void): void {
    const to = parseIp(remoteAddress);
    if (!to) return;
    this.act(() => {
      this.memory.bytes.set(to, this.memory.scratch);
      action(to.length === 4 ? 4 : 6);
    });
  }

  private process(packet: Uint8Array): void {
    const { wasm } = this;
    wasm.clock_enter();
    if (isIcmp(packet)) {
      const message = readIcmp(packet);
      if (message?.kind === 'reply') return this.echoes.replied(message);
      if (message) return this.icmpError(message);
    }
    if (isFragment(packet)) wasm.reassembly_note();
    const pbuf = packet.length < 65536 ? wasm.netif_reserve(packet.length) : 0;
    if (pbuf === 0) {
      this.counters.outOfMemory++;
      return;
    }
    this.memory.bytes.set(packet, wasm.pbuf_payload(pbuf) >>> 0);
    wasm.netif_input(pbuf);
    wasm.tcp_settle();
  }

  private icmpError({ protocol, localPort, remote, reason, mtu }: IcmpError): void {
    if (reason === 'too big') {
      const least = remote.address.includes(':') ? 1_280 : 576;
      const smaller = Math.min(this.pathMtu(remote.address), Math.max(mtu, least));
      return this.setPathMtu(remote.address, smaller);
    }
    if (protocol === UDP) this.udp.failed(localPort, remote, reason);
    else if (protocol === TCP) this.reports.refused(localPort, remote, reason);
  }

  /** At the end of a batch of packets: what they brought is the owners', who may answer at once. */
  private flush(): void {
    this.flushes = false;
    if (this.phase !== 'idle') return;
    this.run(() => {});
    this.options.timers.soon(this.acknowledgeNow);
  }

  private acknowledge(): void {
    if (this.phase !== 'idle') return;
    this.enter();
    this.wasm.tcp_flush_acks();
    this.leave();
  }

  private wake(): void {
    if (this.phase !== 'idle') return;
    this.run(() => {
      if (this.wasm.netif_has_loop()) {
        this.wasm.clock_enter();
        this.wasm.netif_loop();
        this.wasm.tcp_settle();
      }
      this.reports.givingUpMeans('ETIMEDOUT', () => this.wasm.clock_wake());
    });
  }

  /** Lets lwIP work on what came from outside, then tells the owners. */
  private run(work: () => void): void {
    this.clock.read();
    unlessFaulted(() => {
      if (!this.fault) work();
    });
    if (this.fault) this.restart(this.fault);
    if (this.phase !== 'idle') return;
    this.phase = 'delivering';
    try {
      unlessFaulted(() => this.reports.deliver());
      this.udp.deliver();
    } finally {
      this.resume();
    }
  }

  /** After delivery, in which the stack may have been closed. */
  private resume(): void {
    if ((this.phase as string) === 'closed') return;
    this.phase = 'idle';
    this.leave();
  }

  /** lwIP is in no known state: its connections are lost, its listeners and addresses are set up in a new instance. */
  private restart(fault: StackFault): void {
    this.counters.faults++;
    this.fault = undefined;
    this.reports.failAll('ECONNABORTED');
    this.start();
    this.applyConfiguration();
    for (const listener of this.reports.listeners.values()) listener.open();
    this.udp.reopen();
    this.options.onFault?.(fault.message);
  }

  private start(): void {
    const imports: LwipImports = {
      now: this.clock.now,
      time: this.clock.time,
      random: this.clock.randomUint32,
      assert: (message) => {
        this.fault = new StackFault(this.memory.text(message >>> 0));
        this.clock.sleep(0);
        throw this.fault;
      },
      output: (packet, length) => this.send(packet >>> 0, length),
      ...this.reports.imports,
      ...this.udp.imports,
    };
    const instance = new WebAssembly.Instance(this.options.module ?? lwipModule(), { port: { ...imports } });
    this.wasm = instance.exports as unknown as LwipExports;
    this.memory = new Memory(this.wasm.memory, this.wasm.scratch_address() >>> 0);
    this.clock.read();
    this.wasm.clock_start();
    this.wasm.netif_start();
  }

  private applyConfiguration(): void {
    if (!this.configured || !this.own) return;
    this.memory.bytes.set(this.own.ipv4, this.memory.scratch);
    this.memory.bytes.set(this.own.ipv6, this.memory.scratch + 4);
    this.wasm.netif_configure(this.configured.mtu);
  }

  private send(packet: number, length: number): void {
    if (this.phase === 'closed') return;
    const before = this.phase;
    this.phase = 'sending';
    this.counters.sent++;
    try {
      this.options.output(this.memory.bytes.subarray(packet, packet + length));
    } catch (error) {
      // It must not unwind lwIP, which is in the middle of something.
      this.options.timers.schedule(0, () => {
        throw error;
      });
    }
    this.phase = before;
  }
}

function unlessFaulted(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof StackFault)) throw error;
  }
}
