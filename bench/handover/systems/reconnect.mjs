/** Kernel TCP, and a client that dials again at once when its connection ends or nothing has come for five seconds. */
import { startEnds } from './programs.mjs';

const IMPATIENT_MS = 5_000;

export const about = 'kernel TCP; the client gives up a connection that is silent for 5 s, and dials again at once';
export const missing = () => undefined;
export const impossible = {
  'both ends': 'a client has no way to learn where its server went',
};

export async function start(world, workload, port) {
  const settings = { transport: 'tcp', addresses: world.addressesOfCorrespondent, port, impatientMs: IMPATIENT_MS };
  return startEnds(world, workload, settings);
}
