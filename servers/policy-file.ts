/** The policy of a DC on disk: read at the start, on SIGHUP, and when the file changes. A broken one changes nothing. */
import { unwatchFile, watchFile } from 'node:fs';
import type { Policy } from './coordinator/policy';
import { parsePolicy } from './coordinator/policy';
import { readText } from './jsonc-file';

/** By its times and not by inotify: editors and configuration management replace files, and some file systems say nothing. */
const LOOK_EVERY_MS = 500;

export interface PolicyFileOptions {
  readonly path: string;
  onPolicy(policy: Policy): void;
  /** Said once for each reason. */
  onWrong(reason: string): void;
}

export class PolicyFile {
  /** Why the file as it is now is not the policy that holds. */
  ailment: string | undefined;
  private text: string | undefined;
  private readonly look = (): void => this.reload();

  /** Throws NtmError NTM_CONFIG when there is no policy to begin with. */
  constructor(private readonly options: PolicyFileOptions) {
    this.read();
    watchFile(options.path, { interval: LOOK_EVERY_MS, persistent: false }, this.look);
  }

  reload(): void {
    try {
      this.read();
      this.ailment = undefined;
    } catch (error) {
      const reason = `${(error as Error).message}; the policy of before holds on`;
      if (this.ailment !== reason) this.options.onWrong(reason);
      this.ailment = reason;
    }
  }

  close(): void {
    unwatchFile(this.options.path, this.look);
  }

  private read(): void {
    const text = readText(this.options.path);
    if (text === this.text) return;
    const policy = parsePolicy(text, this.options.path);
    this.text = text;
    this.options.onPolicy(policy);
  }
}
