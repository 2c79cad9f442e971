/**
 * The nodes that an NS serves: by FQDN, with the key that each must prove to hold, and how it can be woken without a
 * connection. Those that can be pushed to are kept in the store: a restarted NS must wake nodes that sleep.
 */
import type { Clock } from '../../core/runtime';
import { sharedKey } from '../../core/wire/keys';
import type { Peer } from '../../core/wire/peers';
import type { Signalling } from '../../core/wire/signalling';
import { BoundedMap } from '../bounded-map';
import type { PushStore } from '../store/store';
import type { Connection } from './connections';
import type { PushAddress } from './push/pusher';

const SERVICES_LIMIT = 100_000;
const SERVICE_AGE_MS = 7 * 24 * 3_600_000;

export interface Service {
  readonly fqdn: string;
  readonly key: Uint8Array;
  readonly peer: Peer;
  connection: Connection | undefined;
  push: PushAddress | undefined;
  /** The push service knows that address no more. */
  isDead: boolean;
}

export class Services {
  /** Changes that could not be written. */
  unstored = 0;
  private readonly byName: BoundedMap<string, Service>;

  constructor(
    private readonly clock: Clock,
    private readonly signalling: Signalling<Connection>,
    private readonly store: PushStore | undefined,
    onWithdrawn: (service: Service) => void,
  ) {
    this.byName = new BoundedMap(clock, SERVICES_LIMIT, SERVICE_AGE_MS, (service) => {
      service.connection?.stream.close();
      this.signalling.removePeer(service.peer);
      if (service.push) void this.write((kept) => kept.remove(service.fqdn));
      onWithdrawn(service);
    });
  }

  /** Those of an earlier run. */
  async load(): Promise<void> {
    const since = this.clock.wallTimeMs() - SERVICE_AGE_MS;
    for (const { fqdn, key, push, isDead, updatedMs } of (await this.store?.list()) ?? []) {
      if (updatedMs < since) await this.write((kept) => kept.remove(fqdn));
      else if (!this.get(fqdn)) this.add(fqdn, key, push, isDead);
    }
  }

  get(fqdn: string): Service | undefined {
    return this.byName.get(fqdn);
  }

  get size(): number {
    return this.byName.size;
  }

  add(fqdn: string, key: Uint8Array, push?: PushAddress, isDead = false): void {
    this.byName.delete(fqdn);
    const peer = this.signalling.addPeer({ key: sharedKey(key, 1), party: 'node', name: fqdn });
    this.byName.set(fqdn, { fqdn, key, peer, connection: undefined, push, isDead });
  }

  /** Its time begins again. */
  renew(service: Service): void {
    this.byName.set(service.fqdn, service);
  }

  /** How the node is woken from now on; undefined: not at all. */
  async setPush(service: Service, push: PushAddress | undefined, isDead = false): Promise<void> {
    const { fqdn, key } = service;
    if (!push && !service.push) return;
    service.push = push;
    service.isDead = isDead;
    const updatedMs = this.clock.wallTimeMs();
    await this.write((kept) => (push ? kept.put({ fqdn, key, push, isDead, updatedMs }) : kept.remove(fqdn)));
  }

  /** A full disk costs what is remembered, not what is served now. */
  private async write(change: (store: PushStore) => Promise<void>): Promise<void> {
    if (!this.store) return;
    try {
      await change(this.store);
    } catch {
      this.unstored++;
    }
  }
}
