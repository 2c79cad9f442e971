/**
 * Which names and addresses belong to the NTMobile network. A program that names none of them pays this check only.
 * Suffixes are known from NTMOBILE_AS, NTMOBILE_DOMAINS or an earlier run; otherwise the AS tells them.
 */
import { BlockList, isIP } from 'node:net';
import { canonicalName } from './wire/names';

/** Addresses of which it is remembered whose they are: asking BlockList takes 15 us, as much as 4 % of an HTTP request. */
const ANSWERS_LIMIT = 1_024;

/** Where the networks of an AS are: the block of RFC 2544, and unique local addresses (RFC 4193) that were generated. */
const POSSIBLE = new BlockList();
POSSIBLE.addSubnet('198.18.0.0', 15, 'ipv4');
POSSIBLE.addSubnet('fd00::', 8, 'ipv6');

/** What an earlier run learned of the network. */
export interface Learned {
  readonly domains: readonly string[];
  readonly networks: readonly string[];
}

export class Namespace {
  private readonly domains = new Set<string>();
  private networks = new BlockList();
  private readonly learned = new Set<string>();
  private readonly prefixes = new Map<number, BlockList>();
  private readonly answers = new Map<string, boolean>();
  private areNamesDecided = false;
  private decide: () => void = () => {};
  private readonly decision = new Promise<void>((resolve) => (this.decide = resolve));

  /**
   * `hostsFile`: the names in the host's own table, which are the host's whatever their suffix is.
   * `earlier`: what an earlier run learned; both are asked for once, when they are first needed.
   */
  constructor(
    private readonly hostsFile: () => ReadonlySet<string>,
    private earlier?: () => Learned | undefined,
  ) {}

  /** More suffixes; `whole` when these are the network's own, so that no other name can be an NTMobile one. */
  learn(domains: readonly string[], networks: readonly string[], whole: boolean): void {
    for (const domain of domains) this.domains.add(canonicalName(domain));
    for (const network of networks) this.learnNetwork(network);
    if (whole) this.areNamesDecided = true;
  }

  /** For another thread's namespace. */
  known(): Learned & { readonly decided: boolean } {
    this.recall();
    return { domains: [...this.domains], networks: [...this.learned], decided: this.areNamesDecided };
  }

  /** Ends the state `undecided`: names of unknown suffixes are the host's from now on. */
  settle(): void {
    this.areNamesDecided = true;
    this.decide();
  }

  whenDecided(): Promise<void> {
    return this.decision;
  }

  classifyName(name: string): 'virtual' | 'host' | 'undecided' {
    const normal = canonicalName(name);
    if (isIP(normal) || !normal.includes('.')) return 'host';
    if (this.isBelowDomain(normal)) return 'virtual';
    if (this.recall() && this.isBelowDomain(normal)) return 'virtual';
    if (this.areNamesDecided || normal.endsWith('.localhost') || this.hostsFile().has(normal)) return 'host';
    return 'undecided';
  }

  /** Whether it may turn out to be virtual: this node has never joined. */
  isUndecidedAddress(address: string): boolean {
    const family = isIP(address);
    if (family === 0 || this.isVirtualAddress(address)) return false; // which recalls what is known
    return this.prefixes.size === 0 && POSSIBLE.check(address, family === 4 ? 'ipv4' : 'ipv6');
  }

  isVirtualAddress(address: string): boolean {
    const answer = this.answers.get(address);
    if (answer !== undefined) return answer;
    const family = isIP(address);
    if (family === 0) return false;
    this.recall();
    const isVirtual = this.networks.check(address, family === 4 ? 'ipv4' : 'ipv6');
    if (this.answers.size >= ANSWERS_LIMIT) this.answers.clear();
    this.answers.set(address, isVirtual);
    return isVirtual;
  }

  /** Of the network that this address is in; the longest, where there are several. */
  prefixLengthOf(address: string): number | undefined {
    if (!this.isVirtualAddress(address)) return undefined;
    const lengths = [...this.prefixes].filter(([, network]) =>
      network.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'),
    );
    return Math.max(...lengths.map(([length]) => length));
  }

  /** `name` is in canonical form. */
  isZone(name: string): boolean {
    return this.domains.has(name);
  }

  private isBelowDomain(name: string): boolean {
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      if (this.domains.has(name.slice(dot + 1))) return true;
    }
    return false;
  }

  /** Before anything is said not to be the network's. Returns whether there was something to remember. */
  private recall(): boolean {
    const learned = this.earlier?.();
    this.earlier = undefined;
    if (learned) this.learn(learned.domains, learned.networks, learned.domains.length > 0);
    if (this.prefixes.size > 0) this.settle();
    return learned !== undefined;
  }

  /** Malformed networks, which only a broken AS sends, are left out. */
  private learnNetwork(network: string): void {
    const [address = '', prefix = ''] = network.split('/');
    const family = isIP(address);
    const length = Number(prefix);
    if (!family || !Number.isInteger(length) || length < 1 || length > (family === 4 ? 32 : 128)) return;
    if (this.learned.has(network)) return; // every login tells
    this.learned.add(network);
    this.answers.clear();
    const kind = family === 4 ? 'ipv4' : 'ipv6';
    this.networks.addSubnet(address, length, kind);
    const sameLength = this.prefixes.get(length) ?? new BlockList();
    this.prefixes.set(length, sameLength);
    sameLength.addSubnet(address, length, kind);
  }
}
