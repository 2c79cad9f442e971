/** Opens connections, listeners and UDP sockets, or says why not. */
import { parseIp } from '../../wire/ip-text';
import type { Connection } from './connection';
import type { Core } from './core';
import { isWildcard, Listener, listenFamily } from './listener';
import type { Reports } from './reports';
import type * as contract from './stack-contract';
import { Err, isErr, openError, stackError } from './tcp';
import type { UdpSockets } from './udp-sockets';

export class Sockets {
  constructor(
    private readonly core: Core,
    private readonly reports: Reports,
    private readonly udp: UdpSockets,
  ) {}

  connectTcp({ remote, local }: contract.TcpConnectOptions, events: contract.TcpEvents): Connection {
    const { core } = this;
    const to = parseIp(remote.address);
    if (!to || !isPort(remote.port) || remote.port === 0) throw stackError('EINVAL', 'not a remote endpoint');
    const family = to.length === 4 ? 4 : 6;
    const own = family === 4 ? core.addresses?.ipv4 : core.addresses?.ipv6;
    const from = local?.address === undefined || isWildcard(local.address) ? own : local.address;
    if (own === undefined || from !== own || core.isClosed) {
      throw stackError('EADDRNOTAVAIL', `this node has no virtual IPv${family} address ${from ?? ''}`.trim());
    }
    const localPort = local?.port ?? 0;
    if (!isPort(localPort)) throw stackError('EINVAL', 'not a port');

    const id = this.reports.nextId();
    core.enter();
    core.memory.bytes.set(to, core.memory.scratch);
    core.memory.bytes.set(parseIp(own) ?? [], core.memory.scratch + 16);
    const pcb = core.wasm.tcp_open(id, family, remote.port, localPort);
    core.leave();
    if (isErr(pcb)) throw openError(pcb);
    return this.reports.opened(id, pcb, events);
  }

  listenTcp(options: contract.TcpListenOptions, onConnection: Listener['onConnection']): contract.TcpListener {
    const { address, port } = options;
    const family = listenFamily(options);
    this.checkLocal(address, port, !this.core.addresses);
    for (const other of this.reports.listeners.values()) {
      if (port !== 0 && other.overlaps(family, address, port)) throw openError(Err.USE);
    }
    const listener = new Listener(this.core, this.reports.nextId(), family, options, onConnection);
    listener.open();
    this.reports.listeners.set(listener.id, listener);
    return listener;
  }

  openUdp(options: contract.UdpOpenOptions, events: contract.UdpEvents): contract.UdpSocket {
    this.checkLocal(options.address, options.port, !parseIp(options.address));
    return this.udp.open(options, events);
  }

  /** `anyAddress`: what is wrong with the address, if something is, is not for here to say. */
  private checkLocal(address: string, port: number, anyAddress: boolean): void {
    if (!isPort(port)) throw stackError('EINVAL', 'not a port');
    const { addresses, isClosed } = this.core;
    const own = isWildcard(address) || address === addresses?.ipv4 || address === addresses?.ipv6;
    if (isClosed || !(own || anyAddress)) {
      throw stackError('EADDRNOTAVAIL', `${address} is not an address of this node`);
    }
  }
}

function isPort(port: number): boolean {
  return Number.isInteger(port) && port >= 0 && port <= 65535;
}
