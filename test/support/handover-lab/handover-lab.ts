/** The lab of NATs with hosts that move in it. */
import { NatLab } from '../nat-lab/nat-lab';
import { MobileHost, type Access } from './mobile-host';

export class HandoverLab extends NatLab {
  /** A host with these access networks, none of which it has joined. `name`: of seven letters or fewer. */
  async mobileHost(name: string, accesses: readonly Access[]): Promise<MobileHost> {
    const host = new MobileHost(this.namespaces, name, accesses, (access) =>
      this.site(`${name}-${access.name}`, access),
    );
    await this.internet.ready();
    return host;
  }
}
