/**
 * One end of a measurement: node peer.mjs SETTINGS, SETTINGS = { role, transport, workload, seconds, ... }. The server
 * prints `ready`, then both print `result` and JSON in one line when the time is over.
 */
import { workloads } from './workloads.mjs';

const settings = JSON.parse(process.argv[2]);
const { openTransport } = await import(`./transports/${settings.transport}.mjs`);
const transport = await openTransport(settings);
const result = await workloads[settings.workload][settings.role](transport, settings);
process.stdout.write(`result ${JSON.stringify(result)}\n`, () => process.exit(0));
