/** mosh: a key each 100 ms, and its echo by a terminal on the correspondent (keys.mjs). */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { putFirst } from '../priority.mjs';
import { End } from '../flow.mjs';

const program = join(import.meta.dirname, '..', 'keys.mjs');
const LOCALE = { LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8', TERM: 'xterm' };

export const about = 'a key each 100 ms, its echo from the other host; no prediction';
export const workloads = ['exchange'];
export const impossible = {
  'IPv6-only': 'a client has one address of its server',
  'both ends': 'a server that moves is lost',
};

export function missing() {
  const command = ['mosh-server', 'mosh-client', 'script'].find((each) => spawnSync('which', [each]).status !== 0);
  return command && `${command} (Debian packages mosh and bsdutils)`;
}

export async function start(world, workload, port) {
  // The server goes to the background, and ends by itself when nobody has been there for a while.
  const server = ['mosh-server', 'new', '-p', String(port), '-l', 'LANG=C.UTF-8', '--', 'cat'];
  const [command, ...args] = world.correspondent.command(...server);
  const env = { ...process.env, ...LOCALE, MOSH_SERVER_NETWORK_TMOUT: '120' };
  const said = spawnSync(command, args, { env, encoding: 'utf8' });
  const key = /^MOSH CONNECT \d+ (\S+)/m.exec(said.stdout)?.[1];
  const pid = /pid = (\d+)/.exec(said.stdout + said.stderr)?.[1];
  if (!key || !pid) throw new Error(`mosh-server did not start: ${said.stdout}${said.stderr}`);
  putFirst(Number(pid));
  const target = [world.addressesOfCorrespondent[0], String(port)];
  const client = new End(world.mobile.command(process.execPath, program, ...target), {
    env: { ...LOCALE, MOSH_KEY: key },
  });
  const stop = client.stop.bind(client);
  client.stop = async () => {
    await stop();
    spawnSync('kill', [pid]);
  };
  return [client];
}
