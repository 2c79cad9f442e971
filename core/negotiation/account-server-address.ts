/**
 * Where the account server is: the address of its name, looked up anew for each login. A resolver that fails or hangs,
 * as one does without a network, is not waited for longer than it takes to tell people so; the address of last time
 * serves then, if there was one.
 */
import { NtmError } from '../errors';
import type { Runtime } from '../runtime';
import { within } from '../wire/within';
import type { Endpoint } from '../wire/addresses';

const LOOKUP_MS = 5_000;
/** What networks let through that let nothing else through. */
const HTTPS_PORT = 443;

export interface AccountServerLocation {
  readonly host: string;
  readonly port: number;
  readonly tlsPort?: number | undefined;
}

export class AccountServerAddress {
  private last: string | undefined;
  /** One look-up at a time: each occupies one of the few threads that the program's own need, too. */
  private running: Promise<string> | undefined;

  constructor(
    private readonly runtime: Runtime,
    private readonly server: AccountServerLocation,
  ) {}

  /** Where it may take datagrams over TLS: at the port that NTMOBILE_AS names, or else at 443 or its own number. */
  streamsAt({ address }: Endpoint): Endpoint[] {
    const { port, tlsPort } = this.server;
    const ports = tlsPort === undefined ? [...new Set([HTTPS_PORT, port])] : [tlsPort];
    return ports.map((each) => ({ address, port: each }));
  }

  /** A new object each time. Rejects with NTM_AS_UNREACHABLE. */
  async find(): Promise<Endpoint> {
    const { host, port } = this.server;
    this.running ??= this.runtime.resolveHost(host).finally(() => (this.running = undefined));
    try {
      const address = await within(this.runtime.timers, LOOKUP_MS, this.running);
      if (address === undefined) throw new Error("the host's resolver does not answer");
      this.last = address;
    } catch (cause) {
      if (this.last !== undefined) return { address: this.last, port };
      const why = (cause as NodeJS.ErrnoException).code ?? (cause as Error).message;
      const message = `the name of the account server in NTMOBILE_AS, ${host}, cannot be looked up now: ${why}`;
      throw new NtmError('NTM_AS_UNREACHABLE', message, { cause });
    }
    return { address: this.last, port };
  }
}
