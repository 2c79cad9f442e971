/** What a network with embedded storage keeps besides accounts: its zone, its servers' keys, the port of its AS. */
import { NtmError } from '../core/errors';
import type { Random } from '../core/runtime';
import { KEY_LENGTH } from '../core/wire/key-length';
import { keyPairFromSecret, type KeyPair } from '../core/wire/keys';
import { randomGlobalId } from './account/address-blocks';
import { DEFAULT_ZONE } from './names';
import type { Certificate } from './host-streams';
import type { SettingStore } from './store/store';
import { selfSigned } from './tls-certificate';

export type ServerName = 'as' | 'dc' | 'ns' | 'rs' | 'cs';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

export class NetworkSettings {
  constructor(
    private readonly settings: SettingStore,
    private readonly random: Random,
  ) {}

  /** Made at the first start, the same ever after. */
  async identity(server: ServerName): Promise<KeyPair> {
    return keyPairFromSecret(await this.settings.getOrPut(`${server} secret key`, () => this.random.bytes(KEY_LENGTH)));
  }

  globalId(): Promise<Uint8Array> {
    return this.settings.getOrPut('ula global id', () => randomGlobalId(this.random));
  }

  /** The zone of the names in this directory, if it was decided. */
  async zone(): Promise<string> {
    const zone = await this.settings.get('zone');
    return zone ? text(zone) : DEFAULT_ZONE;
  }

  /** Throws NtmError NTM_CONFIG when the directory is another zone's: its names and addresses would not fit. */
  async decideZone(wanted: string | undefined): Promise<string> {
    const zone = text(await this.settings.getOrPut('zone', () => Buffer.from(wanted ?? DEFAULT_ZONE)));
    if (wanted === undefined || wanted === zone) return zone;
    throw new NtmError('NTM_CONFIG', `this directory holds the zone ${zone}; use another --dir for ${wanted}`);
  }

  async accountServerPort(): Promise<number | undefined> {
    const port = await this.settings.get('as port');
    return port && Number(text(port));
  }

  /** Of the TLS listeners; made when one is first needed. */
  async certificate(): Promise<Certificate> {
    const kept = await this.settings.get('tls certificate');
    if (kept) return JSON.parse(text(kept)) as Certificate;
    const made = await selfSigned();
    await this.settings.put('tls certificate', Buffer.from(JSON.stringify(made)));
    return made;
  }

  keepAccountServerPort(port: number): Promise<void> {
    return this.settings.put('as port', Buffer.from(String(port)));
  }
}
