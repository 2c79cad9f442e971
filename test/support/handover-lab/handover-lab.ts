/** The lab of NATs with hosts that move in it. */
import { joined } from '../nat-lab/dialling';
import { NatLab, type LabNode } from '../nat-lab/nat-lab';
import type { Program } from '../processes';
import { MobileHost, type Access } from './mobile-host';

export class HandoverLab extends NatLab {
  private readonly hosts = new Map<string, MobileHost>();

  /** The host of this name; when it is first asked for, with these access networks, none of which it has joined. */
  async mobileHost(name: string, accesses: readonly Access[]): Promise<MobileHost> {
    const host = this.hosts.get(name) ?? this.make(name, accesses);
    await this.internet.ready();
    return host;
  }

  /** A server of a workload, and its port, once it can be dialled. */
  async serve(host: MobileHost, node: LabNode, args: readonly string[]): Promise<{ server: Program; port: string }> {
    const server = this.program(host, node, args);
    const port = (await server.line((line) => line.startsWith('listening '))).split(' ')[1]!;
    await joined(this, node, server);
    return { server, port };
  }

  private make(name: string, accesses: readonly Access[]): MobileHost {
    const host = new MobileHost(this.namespaces, name, accesses, (access) =>
      this.site(`${name}-${access.name}`, access),
    );
    this.hosts.set(name, host);
    return host;
  }
}
