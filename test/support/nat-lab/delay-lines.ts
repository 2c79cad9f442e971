/** Cables with a delay, all of them in one namespace (`air`): see delay-line.c. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot, temporaryDirectory } from '../paths';
import { Program } from '../processes';
import type { CableEnd, Namespaces } from './namespaces';

const AIR = 'air';
const SOURCE = join(projectRoot, 'test/support/nat-lab/delay-line.c');
const NO_IPV6 = ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'];

export class DelayLines {
  private readonly programs: Program[] = [];
  private dir: string | undefined;

  constructor(private readonly namespaces: Namespaces) {}

  cable(a: CableEnd, b: CableEnd, delayMs: number, mtu?: number): void {
    this.dir ??= this.prepare();
    const ends = [`a${this.programs.length}`, `b${this.programs.length}`] as const;
    this.namespaces.cable(a, [AIR, ends[0]], mtu);
    this.namespaces.cable(b, [AIR, ends[1]], mtu);
    const [command = '', ...rest] = this.namespaces.commandAt(AIR);
    this.programs.push(
      Program.command(command, [...rest, join(this.dir, 'delay-line'), ...ends, `${Math.round(delayMs * 1_000)}`]),
    );
  }

  async ready(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.line()));
  }

  async close(): Promise<void> {
    await Promise.all(this.programs.map((program) => program.kill()));
    if (this.dir) rmSync(this.dir, { recursive: true });
  }

  private prepare(): string {
    const dir = temporaryDirectory();
    execFileSync('cc', ['-O2', '-o', join(dir, 'delay-line'), SOURCE], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.namespaces.add(AIR, NO_IPV6);
    return dir;
  }
}
