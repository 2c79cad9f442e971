/** What a target of a Direction Request is: a name of this zone, or a virtual address of one. */
import { isIP } from 'node:net';
import type { Endpoint, VirtualAddresses } from '../../core/wire/addresses';
import { Refused, Unanswered } from '../../core/wire/outcomes';
import type { Peer } from '../../core/wire/peers';
import type { Signalling } from '../../core/wire/signalling';
import { canonicalName } from '../../core/wire/names';
import { isLabel, labelsBelow } from '../names';
import type { AddressPool } from './address-pool';

export class NameCheck {
  constructor(
    private readonly zone: string,
    private readonly pool: AddressPool,
    private readonly signalling: Signalling<Endpoint>,
    private readonly accountServer: { readonly peer: Peer; readonly to: Endpoint },
  ) {}

  /** The FQDN that is meant. Refuses with no-such-name what is not of this zone. */
  async nameOf(target: string): Promise<string> {
    const fqdn = isIP(target) ? await this.pool.nameOf(target) : canonicalName(target);
    const labels = fqdn === undefined ? undefined : labelsBelow(this.zone, fqdn);
    // Others cannot be anyone's, and the AS need not be asked.
    if (fqdn === undefined || !labels?.every(isLabel)) throw new Refused('no-such-name');
    return fqdn;
  }

  /**
   * The virtual addresses of a name that is not registered now. A name the DC never saw is asked of the AS, so that
   * an account's name resolves before its first login. Refuses with no-such-name what nobody owns.
   */
  async addressesOf(fqdn: string): Promise<VirtualAddresses> {
    const known = await this.pool.find(fqdn);
    if (known) return known;
    if (!(await this.isOwned(fqdn))) throw new Refused('no-such-name');
    const addresses = await this.pool.assign(fqdn);
    if (!addresses) throw new Refused('unavailable');
    return addresses;
  }

  private async isOwned(fqdn: string): Promise<boolean> {
    const { peer, to } = this.accountServer;
    try {
      const answer = await this.signalling.request(peer, to, { name: 'nameRequest', body: { fqdn } });
      return answer.name === 'nameResponse' && answer.body.owned;
    } catch (error) {
      throw error instanceof Unanswered ? new Refused('unavailable') : error;
    }
  }
}
