/**
 * Two machines (network namespaces) joined by a cable: `kernel` has wireguard-go and the kernel's TCP/IP behind it,
 * `ours` has our tunnel and our stack.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyPair } from '../../core/wire/x25519';
import { Program } from './processes';
import type { WireguardPeerSettings } from './wireguard-peer';

export const KERNEL = { address: '192.0.2.1', ipv6: 'fd18::1', port: 51_820 } as const;
export const OURS = { address: '192.0.2.2', ipv6: 'fd18::2', port: 51_821 } as const;
export const KERNEL_ADDRESSES = { ipv4: '198.18.0.1', ipv6: 'fd00:17::1' } as const;
export const OUR_ADDRESSES = { ipv4: '198.18.0.2', ipv6: 'fd00:17::2' } as const;

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export type PeerOptions = Pick<
  WireguardPeerSettings,
  'request' | 'rekeyEveryMs' | 'underLoad' | 'flood' | 'fetch' | 'ping' | 'echo'
> & { readonly outer?: 4 | 6 };

export class WireguardLab {
  private readonly suffix = process.pid.toString(36);
  private readonly kernel = `ntmk${this.suffix}`;
  private readonly ours = `ntmo${this.suffix}`;
  /** Also the name of wireguard-go's control socket, which all namespaces share. */
  private readonly device = `ntmw${this.suffix}`;
  private readonly dir = mkdtempSync(join(tmpdir(), 'ntmobile-wg-'));
  private readonly keys = { kernel: new Uint8Array(32).fill(0x11), ours: new Uint8Array(32).fill(0x22) };
  private readonly presharedKey = new Uint8Array(32).fill(0x33);
  private daemon: Program | undefined;

  async start(): Promise<void> {
    const { kernel, ours, device } = this;
    for (const namespace of [kernel, ours]) ip('netns', 'add', namespace);
    ip('link', 'add', 'cable', 'netns', kernel, 'type', 'veth', 'peer', 'name', 'cable', 'netns', ours);
    for (const [namespace, { address, ipv6 }] of [[kernel, KERNEL] as const, [ours, OURS] as const]) {
      ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'cable');
      ip('-n', namespace, 'address', 'add', `${ipv6}/64`, 'dev', 'cable', 'nodad');
      ip('-n', namespace, 'link', 'set', 'cable', 'up');
    }
    const env = { LOG_LEVEL: 'verbose', WG_PROCESS_FOREGROUND: '1' };
    this.daemon = this.inKernel(['wireguard-go', '--foreground', device], env);
    await this.daemon.line((line) => line.includes('UAPI listener started'));
    const { ipv4, ipv6 } = KERNEL_ADDRESSES;
    ip('-n', kernel, 'address', 'add', `${ipv4}/15`, 'dev', device);
    ip('-n', kernel, 'address', 'add', `${ipv6}/64`, 'dev', device, 'nodad');
    ip('-n', kernel, 'link', 'set', device, 'mtu', '1280', 'up');
  }

  /** wireguard-go as if it had just started: no session, no memory of timestamps. */
  forgetSessions(outer: 4 | 6 = 4): void {
    const settings = join(this.dir, 'settings');
    const lines = [
      ...['[Interface]', `PrivateKey = ${base64(this.keys.kernel)}`, `ListenPort = ${KERNEL.port}`],
      ...['[Peer]', `PublicKey = ${base64(keyPair(this.keys.ours).publicKey)}`],
      `PresharedKey = ${base64(this.presharedKey)}`,
      `AllowedIPs = ${OUR_ADDRESSES.ipv4}/32, ${OUR_ADDRESSES.ipv6}/128`,
      `Endpoint = ${outer === 4 ? OURS.address : `[${OURS.ipv6}]`}:${OURS.port}`,
    ];
    writeFileSync(settings, lines.join('\n'), { mode: 0o600 });
    execFileSync('ip', ['netns', 'exec', this.kernel, 'wg', 'setconf', this.device, settings]);
  }

  /** Our side, ready. */
  async peer(options: PeerOptions): Promise<Program> {
    const { outer = 4 } = options;
    const endpoint = { address: outer === 4 ? KERNEL.address : KERNEL.ipv6, port: KERNEL.port };
    const settings: WireguardPeerSettings = {
      ...{ ...options, outer },
      ...{ privateKey: hex(this.keys.ours), presharedKey: hex(this.presharedKey), port: OURS.port },
      addresses: OUR_ADDRESSES,
      peer: { publicKey: hex(keyPair(this.keys.kernel).publicKey), endpoint, addresses: KERNEL_ADDRESSES },
    };
    const program = join(__dirname, 'wireguard-peer.js');
    const args = ['netns', 'exec', this.ours, process.execPath, program, JSON.stringify(settings)];
    const peer = Program.command('ip', args);
    await peer.line((line) => line === 'ready');
    return peer;
  }

  inKernel(command: readonly string[], env: NodeJS.ProcessEnv = {}): Program {
    return Program.command('ip', ['netns', 'exec', this.kernel, ...command], env);
  }

  /** Whether a TCP connection of the kernel's is in a state that ends only by what is sent and answered. */
  kernelIsConnected(): boolean {
    const states = ['syn-sent', 'syn-recv', 'established', 'fin-wait-1', 'close-wait', 'last-ack', 'closing'];
    const args = ['netns', 'exec', this.kernel, 'ss', '-Htn', ...states.flatMap((state) => ['state', state])];
    return execFileSync('ip', args).length > 0;
  }

  /** From now on this machine has another address, and what comes to the old one is lost. */
  move(which: 'kernel' | 'ours', from: string, to: string): void {
    const namespace = this[which];
    ip('-n', namespace, 'address', 'delete', `${from}/24`, 'dev', 'cable');
    ip('-n', namespace, 'address', 'add', `${to}/24`, 'dev', 'cable');
    // wireguard-go keeps sending from the address that it had, until it is told an endpoint.
    if (which === 'kernel') this.setEndpoint();
  }

  private setEndpoint(): void {
    const key = base64(keyPair(this.keys.ours).publicKey);
    const settings = ['set', this.device, 'peer', key, 'endpoint', `${OURS.address}:${OURS.port}`];
    execFileSync('ip', ['netns', 'exec', this.kernel, 'wg', ...settings]);
  }

  async stop(): Promise<void> {
    if (this.daemon && !this.daemon.end) {
      this.daemon.terminate();
      await this.daemon.ended;
    }
    for (const namespace of [this.kernel, this.ours]) {
      try {
        ip('netns', 'delete', namespace);
      } catch {
        // It was not made.
      }
    }
    rmSync(this.dir, { recursive: true });
  }
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}
