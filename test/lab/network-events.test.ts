/** Changes of a host's network as Linux tells of them, and what becomes of the process that listens to it. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describeLab } from '../support/lab';
import { Namespaces } from '../support/nat-lab/namespaces';
import { testProgram } from '../support/network';

describeLab(
  'events of the network',
  function () {
    this.timeout(30_000);
    const lab = new Namespaces(`events-${process.pid.toString(36)}`);
    let program: ChildProcess;
    let lines: AsyncIterator<string>;

    before(() => {
      lab.add('host');
      lab.add('other');
      lab.cable(['host', 'wlan0'], ['other', 'peer0']);
      lab.cable(['host', 'lte0'], ['other', 'peer1']);
    });
    after(() => lab.close());

    beforeEach(() => begin());
    afterEach(async () => {
      program.kill('SIGKILL');
      await nobodyListens();
    });

    function begin(...args: string[]): void {
      const [command, ...rest] = [
        ...lab.commandAt('host'),
        process.execPath,
        testProgram('network-events.cjs'),
        ...args,
      ];
      program = spawn(command!, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
      lines = createInterface({ input: program.stdout! })[Symbol.asyncIterator]();
    }

    async function until(wanted: string): Promise<void> {
      for (;;) {
        const { value, done } = await lines.next();
        if (done) assert.fail(`it ended without saying "${wanted}"`);
        if (value === wanted) return;
      }
    }

    /** `ip` tells what happens from when it hears on; before that there is nothing to hear. */
    async function listening(): Promise<void> {
      await until('watching');
      while (!listeners().some(hears)) await new Promise((resolve) => setTimeout(resolve, 5));
      await changes('address', 'add', '192.0.2.99/32', 'dev', 'lte0');
      await changes('address', 'delete', '192.0.2.99/32', 'dev', 'lte0');
    }

    async function changes(...args: string[]): Promise<void> {
      lab.ip('host', ...args);
      await until(args[1] === 'delete' ? `lost ${args.at(-1)}` : 'look');
    }

    /** Processes of this test in the namespace that are `ip` or its shell. */
    function listeners(): string[] {
      return readdirSync('/proc').filter((pid) => {
        try {
          const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
          return /^(ip|sh)\0.*monitor/s.test(command) && isInNamespace(pid);
        } catch {
          return false;
        }
      });
    }

    /** Bound to groups (proc_pid_net(5)), and waits: `ip` reads all links first, and skips what happens meanwhile. */
    function hears(pid: string): boolean {
      const sockets = readFileSync(`/proc/${program.pid}/net/netlink`, 'latin1').split('\n');
      const isBound = sockets.some((line) => {
        const [, , port, groups] = line.trim().split(/\s+/);
        return port === pid && Number(`0x${groups}`) !== 0;
      });
      return isBound && /\) S /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    }

    function isInNamespace(pid: string): boolean {
      return /^\s*wlan0:/m.test(readFileSync(`/proc/${pid}/net/dev`, 'latin1'));
    }

    async function nobodyListens(): Promise<void> {
      while (listeners().length > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    }

    it('an address comes and goes, a link goes down, the default route moves -> each is told', async () => {
      await listening();
      await changes('address', 'add', '10.0.0.2/24', 'dev', 'wlan0');
      await changes('address', 'add', '10.1.0.2/24', 'dev', 'lte0');
      await changes('route', 'add', 'default', 'via', '10.0.0.1', 'dev', 'wlan0');
      await changes('route', 'replace', 'default', 'via', '10.1.0.1', 'dev', 'lte0');
      lab.ip('host', 'link', 'set', 'wlan0', 'down');
      await until('lost wlan0');
      lab.ip('other', 'link', 'set', 'peer1', 'down');
      await until('lost lte0');
      lab.ip('other', 'link', 'set', 'peer1', 'up');
      lab.ip('host', 'link', 'set', 'wlan0', 'up');
      await until('look');
    });

    for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
      it(`listening: the program ends by ${signal} -> nobody listens any more`, async () => {
        await listening();
        program.kill(signal);
        await nobodyListens();
      });
    }

    it('listening: the program closes the watch -> nobody listens any more', async () => {
      await listening();
      program.stdin!.write('close');
      await nobodyListens();
    });

    it('listening: nothing else keeps the program -> it ends', async () => {
      program.kill('SIGKILL');
      begin('and end');
      await until('over');
      await new Promise((resolve) => (program.exitCode === null ? program.once('exit', resolve) : resolve(undefined)));
      await nobodyListens();
    });

    it('listening: `ip` is killed -> it is told, and another one listens soon', async () => {
      await listening();
      for (const pid of listeners())
        if (/^ip\0/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'))) process.kill(Number(pid));
      await until('not watching');
      await listening();
    });
  },
  { commands: ['ip', 'sh'] },
);
