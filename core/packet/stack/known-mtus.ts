/** The MTU of the paths to other addresses, bytes; of too many addresses the one that came first is forgotten. */

const LIMIT = 8_192;

export class KnownMtus {
  private readonly mtus = new Map<string, number>();

  get(address: string): number | undefined {
    return this.mtus.get(address);
  }

  /** False: it was that already. */
  set(address: string, mtu: number): boolean {
    if (this.mtus.get(address) === mtu) return false;
    this.mtus.set(address, mtu);
    if (this.mtus.size > LIMIT) this.mtus.delete(this.mtus.keys().next().value!);
    return true;
  }
}
