/**
 * Lab tests need root, network namespaces and nftables. Where these are missing, lab tests are skipped, and say what is
 * missing; where NTMOBILE_LAB=required (as in CI) they fail instead, so that a skipped lab cannot pass for a green one.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

export type LabDecision = { run: true } | { run: false; fail: boolean; reason: string };

export interface LabNeeds {
  readonly root: boolean;
  readonly namespaces: boolean;
  readonly nftables: boolean;
}

/** `setting` is NTMOBILE_LAB: `required`, `off`, or unset for "when it can be". `without` is what else is missing. */
export function decideLab(setting: string | undefined, needs: LabNeeds, without: readonly string[] = []): LabDecision {
  if (setting === 'off') return { run: false, fail: false, reason: 'switched off by NTMOBILE_LAB=off' };
  const missing = [
    ...(needs.root ? [] : ['root']),
    ...(needs.namespaces ? [] : ['network namespaces (ip netns)']),
    ...(needs.nftables ? [] : ['nftables (nft)']),
    ...without,
  ];
  if (missing.length === 0) return { run: true };
  return { run: false, fail: setting === 'required', reason: `this machine lacks ${missing.join(', ')}` };
}

/** `describe` for tests that need the lab, and these commands and paths besides. */
export function describeLab(
  title: string,
  define: (this: Mocha.Suite) => void,
  { commands = [], paths = [] }: { commands?: readonly string[]; paths?: readonly string[] } = {},
): void {
  const without = [
    ...commands.filter((command) => spawnSync('which', [command]).status !== 0),
    ...paths.filter((path) => !existsSync(path)),
  ];
  const decision = decideLab(process.env['NTMOBILE_LAB'], whatThisMachineHas(), without);
  if (decision.run) {
    describe(title, define);
  } else if (decision.fail) {
    describe(title, () => {
      it('lab required: machine is looked at -> it can run the lab', () => {
        throw new Error(decision.reason);
      });
    });
  } else {
    describe.skip(`${title} (${decision.reason})`, define);
  }
}

/** What keeps the lab from running, in words, or undefined. For commands, which are not held to NTMOBILE_LAB. */
export function whyNoLab(): string | undefined {
  const decision = decideLab(undefined, whatThisMachineHas());
  return decision.run ? undefined : decision.reason;
}

function whatThisMachineHas(): LabNeeds {
  const succeeds = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0;
  return {
    root: process.getuid?.() === 0,
    namespaces: succeeds('unshare', '--net', 'ip', 'link', 'set', 'lo', 'up'),
    nftables: succeeds('unshare', '--net', 'nft', 'list', 'ruleset'),
  };
}
