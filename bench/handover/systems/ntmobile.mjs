/** The endpoints as they are, with the preload. */
import { join } from 'node:path';
import { dist, fqdnOf } from '../world.mjs';
import { node, startEnds } from './programs.mjs';

const preload = join(dist, 'preload/register.js');

export const about = 'node -r ntmobile/register';
export const missing = () => undefined;
export const impossible = {};

export async function start(world, workload, port) {
  const [server, client] = [
    { account: 'hears', name: workload },
    { account: 'dials', name: workload },
  ];
  const settings = { transport: 'tcp', host: fqdnOf(server), port };
  return startEnds(world, workload, settings, {
    runner: [...node, '-r', preload],
    serverEnv: world.settingsOf(world.correspondent, server),
    clientEnv: world.settingsOf(world.mobile, client),
  });
}
