/** The programs of a flow: endpoint.mjs on both hosts, under whatever a system runs it with. */
import { join } from 'node:path';
import { End } from '../flow.mjs';
import { WORKLOADS } from '../workloads.mjs';

const program = join(import.meta.dirname, '..', 'endpoint.mjs');
export const node = [process.execPath];

/**
 * The server on the correspondent, then the client on the mobile host. `runner`: what runs a program. `settings`: of the
 * endpoints, `serverEnv` and `clientEnv` are variables.
 */
export async function startEnds(world, workload, settings, { runner = node, serverEnv, clientEnv } = {}) {
  const { senders } = WORKLOADS[workload];
  const start = (role, host, env) => {
    const command = host.command(...runner, program, JSON.stringify({ ...settings, role, workload }));
    return new End(command, { env, receives: senders.includes(role === 'server' ? 'client' : 'server') });
  };
  const server = start('server', world.correspondent, serverEnv);
  await server.ready;
  return [server, start('client', world.mobile, clientEnv)];
}
