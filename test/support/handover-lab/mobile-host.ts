/**
 * A host with several access networks, each by an interface of its own, which come and go as a phone's do:
 *
 *   host -- wifi -- [a home's NAT] -- line -- internet
 *        -- lte --- [a carrier's NAT] -- line -- internet
 *
 * Cables are plugged in from the beginning, but an interface is down until its network is joined. What happens is what
 * an operating system does then, in one transaction as far as it can: link, addresses, default route. Interfaces are
 * macvlans on their cables (NAME-radio), whose other ends stay up: the kernel lets what is behind a cable that was down
 * carry something only when it comes to that (its link watch), which takes up to a second. To lose its carrier, an
 * interface needs no more than that its cable is set down here.
 */
import type { Family, LineOptions } from '../nat-lab/internet';
import type { Lease, Namespaces } from '../nat-lab/namespaces';
import type { Host } from '../nat-lab/nat-lab';
import type { Place } from '../nat-lab/place';
import type { Site } from '../nat-lab/site';

export interface Access extends LineOptions {
  /** Of the interface. */
  readonly name: string;
  readonly place: Place;
  /** Of its default route: the lowest of the networks that are joined is used. No other of the host's has the same. */
  readonly metric: number;
}

/** How a network ends, as its host sees it. */
export type Leaving =
  /** The interface goes down: its addresses and routes are gone. */
  | 'link down'
  /** Out of range, cable drawn: the interface has no carrier; addresses and routes stay. */
  | 'carrier lost'
  /** The interface stays up (DHCP lease over). */
  | 'address removed'
  /** The interface keeps its address. */
  | 'route removed'
  /** Nothing passes any more, and nobody is told. */
  | 'silent';

/** What was done to a host, by the clock of the traces. */
export interface Happening {
  /** Milliseconds since 1970, when it was done. */
  readonly t: number;
  readonly host: string;
  readonly event: string;
  /** The networks that carry something from then on. */
  readonly joined: readonly string[];
}

interface Attachment {
  readonly access: Access;
  readonly site: Site;
  readonly leases: readonly Lease[];
  /** Of its own routes, which what is sent from its addresses takes. */
  readonly table: number;
  left: Leaving | undefined;
}

/** As whoever manages a host's networks sees to it: a route that leads nowhere is not taken while there is another. */
const SETTINGS = ['all', 'default'].flatMap((which) => [
  `net.ipv6.conf.${which}.accept_ra=0`,
  `net.ipv4.conf.${which}.ignore_routes_with_linkdown=1`,
  `net.ipv6.conf.${which}.ignore_routes_with_linkdown=1`,
]);

/** As Android, NetworkManager and systemd-networkd do it with several networks: who sends from an address of one sends by it. */
const FIRST_TABLE = 100;

export class MobileHost implements Host {
  /** Since it was made. */
  readonly history: Happening[] = [];
  private readonly attachments: readonly Attachment[];

  /** `siteOf` makes the networks of this host, each for itself. */
  constructor(
    private readonly namespaces: Namespaces,
    readonly namespace: string,
    accesses: readonly Access[],
    siteOf: (access: Access) => Site,
  ) {
    namespaces.add(namespace, SETTINGS);
    this.attachments = accesses.map((access, i) => {
      const site = siteOf(access);
      const radio = radioOf(access);
      const leases = site.plugIn([namespace, radio], access.place);
      namespaces.set(namespace, [`net.ipv6.conf.${radio}.disable_ipv6=1`]);
      const table = FIRST_TABLE + i;
      this.ip(`link add link ${radio} name ${access.name} type macvlan mode private`);
      for (const { address } of leases) {
        const [family, from] = [isIpv6(address) ? '-6' : '-4', address.split('/')[0]!];
        namespaces.ip(namespace, family, 'rule', 'add', 'from', from, 'lookup', `${table}`);
      }
      return { access, site, leases, table, left: 'link down' };
    });
  }

  /** Of all its networks together. */
  get families(): readonly Family[] {
    return ([4, 6] as const).filter((family) =>
      this.attachments.some(({ access }) => access.place.families.includes(family)),
    );
  }

  /** What runs a command on it, with root's rights. */
  command(...command: string[]): string[] {
    return [...this.namespaces.commandAt(this.namespace), ...command];
  }

  /** Of all its networks. */
  get names(): readonly string[] {
    return this.attachments.map(({ access }) => access.name);
  }

  /** Those that it has joined, and not left. */
  get joined(): readonly string[] {
    return this.attachments.filter(({ left }) => left === undefined).map(({ access }) => access.name);
  }

  /** Joins a network: the interface comes up, gets its addresses, and a default route. */
  join(name: string): void {
    const attachment = this.of(name);
    const { left } = attachment;
    if (left === undefined) return;
    attachment.left = undefined;
    this.begin(attachment, left);
    this.note(`joins ${name}`);
  }

  /** Also one that is silent, when that is noticed. */
  leave(name: string, how: Leaving = 'link down'): void {
    const attachment = this.of(name);
    const { site, left } = attachment;
    if (left === 'silent') site.silence(false);
    else if (left !== undefined) return;
    attachment.left = how;
    this.end(attachment, how);
    this.note(`leaves ${name}: ${how}`);
  }

  /** Leaves one network for another: its address and that of the other are never both there, nor neither for long. */
  change(from: string, to: string): void {
    const [old, other] = [this.of(from), this.of(to)];
    if (old.left !== undefined || other.left !== 'link down') {
      this.leave(from);
      return this.join(to);
    }
    [old.left, other.left] = ['link down', undefined];
    const gone = [`address flush dev ${from} scope global`];
    const here = [...this.addressLines(other), ...this.routeLines('replace', other)];
    // Links come and go more slowly, and are not what is looked at.
    this.ip(`link set ${to} up`, ...gone, ...here, `link set ${from} down`, `address flush dev ${from}`);
    this.note(`leaves ${from} for ${to}`);
  }

  /** The default route of a network that it has joined gets another rank. */
  setMetric(name: string, metric: number): void {
    const { access, leases } = this.of(name);
    const lines = leases.map(({ router }) => `default via ${router} dev ${name} metric`);
    this.ip(...lines.flatMap((line) => [`route add ${line} ${metric}`, `route delete ${line} ${access.metric}`]));
  }

  /** Of each IP version, as others see it: of the host, or of its outermost gateway. */
  outside(name: string): Record<Family, string> {
    return this.of(name).site.outside;
  }

  /** Its own ones in this network, of each IP version that is there. */
  addresses(name: string): readonly string[] {
    return this.of(name).leases.map(({ address }) => address.replace(/\/.*/, ''));
  }

  private begin(attachment: Attachment, left: Leaving): void {
    const { access, site } = attachment;
    if (left === 'silent') return site.silence(false);
    if (left === 'carrier lost') {
      this.ip(`link set ${radioOf(access)} up`);
      this.namespaces.awaitCarrier(this.namespace, access.name);
    }
    const lines = [`link set ${access.name} up`, ...(left === 'route removed' ? [] : this.addressLines(attachment))];
    // Routes need an interface that is up, and a kernel drops those of one without carrier only if it was set down.
    this.ip(...lines, ...this.routeLines('replace', attachment));
  }

  private end(attachment: Attachment, how: Leaving): void {
    const { access, site } = attachment;
    const { name } = access;
    switch (how) {
      case 'link down':
        return this.ip(`link set ${name} down`, `address flush dev ${name}`);
      case 'carrier lost':
        return this.ip(`link set ${radioOf(access)} down`);
      case 'address removed':
        return this.ip(`address flush dev ${name} scope global`);
      case 'route removed':
        return this.ip(...this.routeLines('delete', attachment));
      case 'silent':
        return site.silence(true);
    }
  }

  private note(event: string): void {
    this.history.push({ t: Date.now(), host: this.namespace, event, joined: this.joined });
  }

  private of(name: string): Attachment {
    const found = this.attachments.find(({ access }) => access.name === name);
    if (!found) throw new Error(`${this.namespace} has no network ${name}`);
    return found;
  }

  private addressLines({ access, leases }: Attachment): string[] {
    return leases.map(
      ({ address }) => `address replace ${address} dev ${access.name}${isIpv6(address) ? ' nodad' : ''}`,
    );
  }

  private routeLines(verb: 'replace' | 'delete', { access, leases, table }: Attachment): string[] {
    return leases.flatMap(({ router }) => {
      const everything = isIpv6(router) ? '::/0' : '0.0.0.0/0';
      const route = `route ${verb} ${everything} via ${router} dev ${access.name}`;
      return [`${route} metric ${access.metric}`, `${route} table ${table}`];
    });
  }

  private ip(...lines: string[]): void {
    this.namespaces.batch(this.namespace, lines);
  }
}

const radioOf = ({ name }: Access): string => `${name}-radio`;
const isIpv6 = (address: string): boolean => address.includes(':');
